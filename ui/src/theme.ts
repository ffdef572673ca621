import { useSyncExternalStore } from 'react'

type Theme = 'light' | 'dark'

const system = matchMedia('(prefers-color-scheme: dark)')
const changed = 'tidemill-theme'

function current(): Theme {
  const chosen = document.documentElement.dataset['theme']
  if (chosen === 'light' || chosen === 'dark') return chosen
  return system.matches ? 'dark' : 'light'
}

/** Back to the system's own theme forgets the choice, so that the system is followed again. */
export function toggleTheme(): void {
  const next: Theme = current() === 'dark' ? 'light' : 'dark'
  if ((next === 'dark') === system.matches) {
    delete document.documentElement.dataset['theme']
    localStorage.removeItem('tidemill.theme')
  } else {
    document.documentElement.dataset['theme'] = next
    localStorage.setItem('tidemill.theme', next)
  }
  window.dispatchEvent(new Event(changed))
}

export function useTheme(): Theme {
  return useSyncExternalStore((listener) => {
    system.addEventListener('change', listener)
    window.addEventListener(changed, listener)
    return () => {
      system.removeEventListener('change', listener)
      window.removeEventListener(changed, listener)
    }
  }, current)
}
