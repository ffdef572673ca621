import type { Page } from 'playwright-core'

/** Something that a person can do. It starts on a fresh page, and throws when it can't be done. */
export interface BrowserCheck {
  name: string
  check: (page: Page) => Promise<void>
}
