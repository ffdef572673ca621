import { useEffect, useState } from 'react'
import { ApiError } from '../api.ts'
import { messageOf } from '../kit/Loaded.tsx'
import styles from './RunsPage.module.css'

/** Takes what a person types; the server reads it, and says where it can't. */
export function FilterBox({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  const [draft, setDraft] = useState(value)
  useEffect(() => setDraft(value), [value])
  return (
    <form
      className={styles['filterForm']}
      role="search"
      onSubmit={(event) => {
        event.preventDefault()
        onChange(draft.trim())
      }}
    >
      <input
        data-filter
        className={styles['filter']}
        aria-label="Filter runs"
        placeholder="metrics.auc > 0.64 and (params.learner = 'trees' or started > -7d)"
        value={draft}
        onChange={(event) => setDraft(event.target.value)}
        onBlur={() => draft.trim() !== value && onChange(draft.trim())}
        spellCheck={false}
        autoComplete="off"
      />
    </form>
  )
}

export function isFilterError(error: unknown): error is ApiError {
  return error instanceof ApiError && typeof error.details['position'] === 'number'
}

/** The problem in words, and the place of it in what was typed. */
export function FilterProblem({ error, text }: { error: ApiError; text: string }) {
  const position = Number(error.details['position'])
  const length = Math.max(1, Number(error.details['length']))
  return (
    <p role="alert" className={styles['error']}>
      {messageOf(error)}{' '}
      <code>
        {text.slice(Math.max(0, position - 30), position)}
        <mark>{text.slice(position, position + length) || '\u00a0'}</mark>
        {text.slice(position + length, position + length + 30)}
      </code>
    </p>
  )
}
