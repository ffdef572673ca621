import { useQuery } from '@tanstack/react-query'
import { type KeyboardEvent, useEffect, useState } from 'react'
import { foundBy } from '../api.ts'
import { pages } from './keys.ts'
import { Overlay } from './Overlay.tsx'
import styles from './Overlay.module.css'
import { readRecent, remember, type Place } from './recent.ts'

const settleMs = 80

/** Goes anywhere by name: pages at once, everything else as the server finds it; without a text, where one was before. */
export function CommandPalette({ go, onClose }: { go: (href: string) => void; onClose: () => void }) {
  const [text, setText] = useState('')
  const [current, setCurrent] = useState(0)
  const found = usePlaces(text.trim())
  const open = (place: Place | undefined) => {
    if (!place) return
    remember(place)
    onClose()
    go(place.href)
  }
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'ArrowDown') setCurrent(Math.min(found.length - 1, current + 1))
    else if (event.key === 'ArrowUp') setCurrent(Math.max(0, current - 1))
    else if (event.key === 'Enter') open(found[current])
    else return
    event.preventDefault()
  }
  return (
    <Overlay label="Search" onClose={onClose}>
      <input
        className={styles['input']}
        role="combobox"
        aria-label="Search pages, experiments, runs, models, deployments, data"
        aria-expanded
        aria-controls="commands"
        aria-activedescendant={found.length > 0 ? `command-${current}` : undefined}
        placeholder="Find anything…"
        autoComplete="off"
        value={text}
        onChange={(event) => {
          setText(event.target.value)
          setCurrent(0)
        }}
        onKeyDown={onKeyDown}
      />
      <ul id="commands" role="listbox" aria-label="Found" className={styles['list']}>
        {found.map((place, index) => (
          <li
            key={place.href}
            id={`command-${index}`}
            role="option"
            aria-selected={index === current}
            className={styles['option']}
            onPointerMove={() => setCurrent(index)}
            onClick={() => open(place)}
            ref={(element) => {
              if (index === current) element?.scrollIntoView({ block: 'nearest' })
            }}
          >
            <span>{place.name}</span>
            <span className={styles['kind']}>{place.kind}</span>
          </li>
        ))}
      </ul>
      {found.length === 0 && text.trim() !== '' && (
        <p className={styles['none']}>Nothing is found by “{text}”.</p>
      )}
    </Overlay>
  )
}

function usePlaces(text: string): Place[] {
  const settled = useSettled(text)
  const answer = useQuery(foundBy(settled)).data?.items ?? []
  const named = pages
    .filter(({ name }) => name.toLowerCase().includes(text.toLowerCase()))
    .map((page): Place => ({ name: page.name, kind: `g ${page.key}`, href: page.href }))
  const recent = text === '' ? readRecent() : []
  const stored =
    text === ''
      ? []
      : answer.map(({ kind, name, detail, href }): Place => ({
          name,
          kind: detail === undefined ? kind : `${kind}, ${detail}`,
          href,
        }))
  const places = [...recent, ...named, ...stored]
  return places.filter((place, index) => places.findIndex(({ href }) => href === place.href) === index)
}

/** What was typed, once the fingers rest. */
function useSettled(text: string): string {
  const [settled, setSettled] = useState(text)
  useEffect(() => {
    const timer = setTimeout(() => setSettled(text), settleMs)
    return () => clearTimeout(timer)
  }, [text])
  return settled
}
