import { Component, type ReactNode } from 'react'
import { Button } from './Button.tsx'
import { messageOf } from './Loaded.tsx'
import { Page } from './Page.tsx'

/** A page that breaks says so, and leaves the way to the others open. Give it the address as its key. */
export class Boundary extends Component<{ children: ReactNode }, { error?: unknown }> {
  static getDerivedStateFromError(error: unknown): { error: unknown } {
    return { error }
  }
  override state: { error?: unknown } = {}
  override render(): ReactNode {
    if (!('error' in this.state)) return this.props.children
    const { error } = this.state
    return (
      <Page
        title={isOutdated(error) ? 'Tidemill was updated' : 'This page is broken'}
        lede={
          isOutdated(error) ? 'This page was opened before, and does not fit any more.' : messageOf(error)
        }
        actions={<Button onPress={() => location.reload()}>Load it anew</Button>}
      >
        {null}
      </Page>
    )
  }
}

/** A part of the program that is gone from the server, in the words of three browsers. */
function isOutdated(error: unknown): boolean {
  return /dynamically imported module|module script failed|preload CSS/i.test(messageOf(error))
}
