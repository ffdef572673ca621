import { useMutation } from '@tanstack/react-query'
import { X } from 'lucide-react'
import { useState } from 'react'
import { queryClient } from '../api.ts'
import { count } from '../format.ts'
import { Button } from '../kit/Button.tsx'
import { messageOf } from '../kit/Loaded.tsx'
import { Section } from '../kit/Page.tsx'
import type { DetailedRun } from './answers.ts'
import { tagRuns } from './api.ts'
import styles from './Panels.module.css'

const few = 100

/** What people and programs marked it with; MLflow's own bookkeeping is under About. */
export function Tags({ run }: { run: DetailedRun }) {
  const tags = run.tags.filter(({ key }) => !key.startsWith('mlflow.'))
  const [draft, setDraft] = useState({ key: '', value: '' })
  const change = useMutation({
    mutationFn: (wanted: Parameters<typeof tagRuns>[1]) => tagRuns([run.id], wanted),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: ['tracking'] }),
  })
  const [all, setAll] = useState(false)
  const fixed = run.lifecycle === 'deleted'
  return (
    <Section title="Tags">
      <ul className={styles['tags']} aria-label="Tags">
        {tags.slice(0, all ? undefined : few).map(({ key, value }) => (
          <li key={key}>
            <span title={`${key} ${value}`}>
              {key} <strong>{value}</strong>
            </span>
            {!fixed && (
              <button
                type="button"
                aria-label={`Take the tag ${key} away`}
                onClick={() => change.mutate({ remove: [key] })}
              >
                <X size={12} aria-hidden />
              </button>
            )}
          </li>
        ))}
      </ul>
      {!all && tags.length > few && (
        <Button look="quiet" onPress={() => setAll(true)}>
          Show all {count(tags.length)}
        </Button>
      )}
      {!fixed && (
        <form
          className={styles['tagForm']}
          onSubmit={(event) => {
            event.preventDefault()
            if (draft.key.trim() !== '')
              change.mutate({ set: [draft] }, { onSuccess: () => setDraft({ key: '', value: '' }) })
          }}
        >
          <input
            aria-label="Key of a new tag"
            placeholder="key"
            value={draft.key}
            maxLength={250}
            onChange={(event) => setDraft({ ...draft, key: event.target.value })}
          />
          <input
            aria-label="Value of the new tag"
            placeholder="value"
            value={draft.value}
            onChange={(event) => setDraft({ ...draft, value: event.target.value })}
          />
          <Button submit onPress={() => {}} disabled={draft.key.trim() === '' || change.isPending}>
            Add
          </Button>
        </form>
      )}
      {change.isError && <p role="alert">{messageOf(change.error)}</p>}
    </Section>
  )
}
