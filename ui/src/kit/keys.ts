import { useEffect, useRef } from 'react'

export const pages = [
  { key: 'o', href: '/', name: 'Overview' },
  { key: 'r', href: '/runs', name: 'Runs' },
  { key: 't', href: '/experiments', name: 'Experiments' },
  { key: 'p', href: '/pipelines', name: 'Pipelines' },
  { key: 'm', href: '/models', name: 'Models' },
  { key: 'b', href: '/benchmarks', name: 'Benchmarks' },
  { key: 'd', href: '/deployments', name: 'Deployments' },
  { key: 'w', href: '/monitoring', name: 'Monitoring' },
  { key: 'a', href: '/datasets', name: 'Data' },
  { key: 'f', href: '/features', name: 'Features' },
  { key: 'e', href: '/decisions', name: 'Decisions' },
  { key: 'l', href: '/audit', name: 'Audit' },
  { key: 'h', href: '/webhooks', name: 'Webhooks' },
  { key: 'u', href: '/people', name: 'People' },
] as const

/** True while the key belongs to a text field or to the browser. */
export function typing(event: KeyboardEvent): boolean {
  if (event.metaKey || event.ctrlKey || event.altKey) return true
  const target = event.target
  if (!(target instanceof HTMLElement)) return false
  if (target.closest('dialog, [role="alertdialog"]')) return true
  if (target instanceof HTMLInputElement) return target.type !== 'checkbox'
  return target.isContentEditable || target.tagName === 'TEXTAREA' || target.tagName === 'SELECT'
}

interface Actions {
  go: (href: string) => void
  search: () => void
  help: () => void
}

const chordMs = 1000

/** `g r` and friends, `/`, `?`, ⌘K, and `j k` over the links of a list. */
export function useKeys(actions: Actions): void {
  const latest = useRef(actions)
  useEffect(() => {
    latest.current = actions
  })
  useEffect(() => {
    let chordUntil = 0
    const listen = (event: KeyboardEvent) => {
      if ((event.metaKey || event.ctrlKey) && event.key === 'k') {
        event.preventDefault()
        latest.current.search()
        return
      }
      if (typing(event)) return
      const page = performance.now() < chordUntil ? pages.find((page) => page.key === event.key) : undefined
      chordUntil = 0
      if (page) latest.current.go(page.href)
      else if (event.key === 'g') chordUntil = performance.now() + chordMs
      else if (event.key === '/') {
        if (!focusFilter()) latest.current.search()
      } else if (event.key === '?') latest.current.help()
      else if (event.key === 'j') step(1)
      else if (event.key === 'k') step(-1)
      else return
      event.preventDefault()
    }
    window.addEventListener('keydown', listen)
    return () => window.removeEventListener('keydown', listen)
  }, [])
}

function focusFilter(): boolean {
  const filter = document.querySelector<HTMLInputElement>('main input[data-filter]')
  filter?.focus()
  filter?.select()
  return filter !== null
}

/** A grid moves its own rows. */
function step(by: number): void {
  if (document.querySelector('main [role="grid"]')) return
  const rows = [...document.querySelectorAll<HTMLElement>('main [data-row], main tbody td:first-child a')]
  const at = rows.findIndex((row) => row === document.activeElement)
  const next = rows[at === -1 ? (by > 0 ? 0 : rows.length - 1) : at + by]
  next?.focus()
}
