import { useQuery } from '@tanstack/react-query'
import { ArrowDown, ArrowUp, Pin, X } from 'lucide-react'
import { useState } from 'react'
import { count } from '../format.ts'
import { Button } from '../kit/Button.tsx'
import { Overlay } from '../kit/Overlay.tsx'
import { runColumns } from './api.ts'
import styles from './ColumnChooser.module.css'
import { attributes } from './table-columns.tsx'

interface ChooserProps {
  experimentId: string
  chosen: readonly string[]
  pinned: ReadonlySet<string>
  onChange: (chosen: readonly string[] | undefined, pinned: ReadonlySet<string>) => void
  onClose: () => void
}

const most = 60

/** What the runs have, by how many have it, and what of it the table shows, in which order. */
export function ColumnChooser({ experimentId, chosen, pinned, onChange, onClose }: ChooserProps) {
  const [text, setText] = useState('')
  const found = useQuery(runColumns(experimentId, text.trim())).data
  const wanted = text.trim().toLowerCase()
  const sections = [
    {
      name: 'Every run has',
      items: attributes
        .filter(({ name }) => name.toLowerCase().includes(wanted))
        .map(({ id, name }) => ({ id, name, runs: undefined })),
    },
    {
      name: 'Metrics',
      items: found?.metrics.map(({ key, runs }) => ({ id: `metric:${key}`, name: key, runs })) ?? [],
    },
    {
      name: 'Params',
      items: found?.params.map(({ key, runs }) => ({ id: `param:${key}`, name: key, runs })) ?? [],
    },
    {
      name: 'Tags',
      items: found?.tags.map(({ key, runs }) => ({ id: `tag:${key}`, name: key, runs })) ?? [],
    },
  ]
  const toggle = (id: string) =>
    onChange(
      chosen.includes(id) ? chosen.filter((one) => one !== id) : [...chosen, id].slice(0, most),
      pinned,
    )
  return (
    <Overlay label="Columns" onClose={onClose} wide>
      <input
        className={styles['search']}
        aria-label="Find a column"
        placeholder="Find a metric, param or tag…"
        value={text}
        onChange={(event) => setText(event.target.value)}
      />
      <div className={styles['sides']}>
        <div className={styles['offer']} tabIndex={0} role="region" aria-label="Columns to choose from">
          {sections
            .filter(({ items }) => items.length > 0)
            .map(({ name, items }) => (
              <fieldset key={name} className={styles['group']}>
                <legend>{name}</legend>
                {items.map((item) => (
                  <label key={item.id} className={styles['item']}>
                    <input
                      type="checkbox"
                      checked={chosen.includes(item.id)}
                      onChange={() => toggle(item.id)}
                    />
                    <span>{item.name}</span>
                    {item.runs !== undefined && <small>{count(item.runs)}</small>}
                  </label>
                ))}
              </fieldset>
            ))}
          {found && sections.every(({ items }) => items.length === 0) && (
            <p className={styles['none']}>No run has anything called “{text}”.</p>
          )}
        </div>
        <Chosen chosen={chosen} pinned={pinned} onChange={onChange} />
      </div>
      <div className={styles['foot']}>
        <Button look="quiet" onPress={() => onChange(undefined, new Set())}>
          Back to the usual ones
        </Button>
        <Button look="primary" onPress={onClose}>
          Done
        </Button>
      </div>
    </Overlay>
  )
}

function Chosen({ chosen, pinned, onChange }: Pick<ChooserProps, 'chosen' | 'pinned' | 'onChange'>) {
  const move = (index: number, by: number) => {
    const next = [...chosen]
    const [moved] = next.splice(index, 1)
    if (moved !== undefined) next.splice(index + by, 0, moved)
    onChange(next, pinned)
  }
  const pin = (id: string) => {
    const next = new Set(pinned)
    if (!next.delete(id)) next.add(id)
    onChange(chosen, next)
  }
  return (
    <ol className={styles['chosen']} aria-label="Columns shown">
      {chosen.map((id, index) => (
        <li key={id}>
          <span title={id}>{nameOf(id)}</span>
          <button
            type="button"
            aria-pressed={pinned.has(id)}
            aria-label={`Keep ${nameOf(id)} in sight`}
            onClick={() => pin(id)}
          >
            <Pin size={13} aria-hidden />
          </button>
          <button
            type="button"
            disabled={index === 0}
            aria-label={`${nameOf(id)} further left`}
            onClick={() => move(index, -1)}
          >
            <ArrowUp size={13} aria-hidden />
          </button>
          <button
            type="button"
            disabled={index === chosen.length - 1}
            aria-label={`${nameOf(id)} further right`}
            onClick={() => move(index, 1)}
          >
            <ArrowDown size={13} aria-hidden />
          </button>
          <button
            type="button"
            aria-label={`Leave out ${nameOf(id)}`}
            onClick={() =>
              onChange(
                chosen.filter((one) => one !== id),
                pinned,
              )
            }
          >
            <X size={13} aria-hidden />
          </button>
        </li>
      ))}
    </ol>
  )
}

function nameOf(id: string): string {
  return attributes.find((attribute) => attribute.id === id)?.name ?? id.slice(id.indexOf(':') + 1)
}
