import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { SearchField } from '../kit/SearchField.tsx'
import { eventNames, type EventName } from './api.ts'
import styles from './EventChoice.module.css'

const OF = { tidemill: 'Events', mlflow: 'MLflow’s events' } as const

/** Which events: those that hold what is typed, and those that are chosen. */
export function EventChoice({
  chosen,
  onChange,
}: {
  chosen: readonly string[]
  onChange: (chosen: readonly string[]) => void
}) {
  const known = useQuery(eventNames()).data?.items ?? []
  const [typed, type] = useState('')
  const shown = known.filter(({ name }) => name.includes(typed.trim().toLowerCase()) || chosen.includes(name))
  const toggle = (name: string): void =>
    onChange(chosen.includes(name) ? chosen.filter((each) => each !== name) : [...chosen, name])
  return (
    <div>
      <SearchField label="Find an event" value={typed} onChange={type} />
      <div className={styles['events']}>
        {(['tidemill', 'mlflow'] as const).map((of) => (
          <Group
            key={of}
            of={of}
            items={shown.filter((each) => each.of === of)}
            chosen={chosen}
            onToggle={toggle}
          />
        ))}
      </div>
    </div>
  )
}

function Group({
  of,
  items,
  chosen,
  onToggle,
}: {
  of: keyof typeof OF
  items: EventName[]
  chosen: readonly string[]
  onToggle: (name: string) => void
}) {
  if (items.length === 0) return null
  return (
    <fieldset className={styles['group']}>
      <legend>{OF[of]}</legend>
      {items.map(({ name }) => (
        <label key={name}>
          <input type="checkbox" checked={chosen.includes(name)} onChange={() => onToggle(name)} /> {name}
        </label>
      ))}
    </fieldset>
  )
}
