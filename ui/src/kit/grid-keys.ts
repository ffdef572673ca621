import { type RefObject, useEffect, useRef } from 'react'
import { typing } from './keys.ts'

const letters = ['j', 'k', 'x', 'X', 'c']

/** Letters work from anywhere on the page, arrows and Enter only inside the grid. */
export function useGridKeys(act: (key: string) => boolean, frame: RefObject<HTMLDivElement | null>): void {
  const latest = useRef(act)
  useEffect(() => {
    latest.current = act
  })
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      if (typing(event) || !letters.includes(event.key)) return
      if (document.activeElement === frame.current) return
      if (latest.current(event.key)) {
        event.preventDefault()
        frame.current?.focus({ preventScroll: true })
      }
    }
    window.addEventListener('keydown', listen)
    return () => window.removeEventListener('keydown', listen)
  }, [frame])
}
