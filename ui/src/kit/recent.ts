import { base } from '../api.ts'

export interface Place {
  name: string
  kind: string
  href: string
}

const key = `tidemill.recent${base}`
const kept = 8

/** Where this browser went by search, the last first. */
export function readRecent(): Place[] {
  try {
    const places: unknown = JSON.parse(localStorage.getItem(key) ?? '[]')
    return Array.isArray(places) ? places.filter(isPlace) : []
  } catch {
    return []
  }
}

export function remember(place: Place): void {
  const places = [place, ...readRecent().filter(({ href }) => href !== place.href)].slice(0, kept)
  try {
    localStorage.setItem(key, JSON.stringify(places))
  } catch {
    // A browser without storage forgets, and that is all.
  }
}

function isPlace(value: unknown): value is Place {
  const place = value as Partial<Place> | null
  return (
    typeof place?.name === 'string' &&
    typeof place.kind === 'string' &&
    typeof place.href === 'string' &&
    place.href.startsWith('/')
  )
}
