import type { FormEvent, ReactNode } from 'react'
import styles from './Field.module.css'

/** A labelled input; its value is read from the form by its name. */
export function Field({
  label,
  name,
  ...input
}: {
  label: string
  name: string
  type?: 'text' | 'password' | 'datetime-local'
  autoComplete?: string
  required?: boolean
  minLength?: number
  autoFocus?: boolean
  defaultValue?: string
}) {
  return (
    <label className={styles['field']}>
      {label}
      <input name={name} {...input} />
    </label>
  )
}

export function Choice({
  label,
  name,
  options,
}: {
  label: string
  name: string
  options: readonly { value: string; label: string }[]
}) {
  return (
    <label className={styles['field']}>
      {label}
      <select name={name}>
        {options.map((option) => (
          <option key={option.value} value={option.value}>
            {option.label}
          </option>
        ))}
      </select>
    </label>
  )
}

/** Gives what was filled in, by name. */
export function Form({
  label,
  onSubmit,
  problem,
  upright = false,
  children,
}: {
  label: string
  onSubmit: (values: Readonly<Record<string, string>>) => void
  problem?: string | undefined
  upright?: boolean
  children: ReactNode
}) {
  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault()
    const values = [...new FormData(event.currentTarget)].filter(
      (entry): entry is [string, string] => typeof entry[1] === 'string',
    )
    onSubmit(Object.fromEntries(values))
  }
  return (
    <form aria-label={label} className={styles[upright ? 'column' : 'row']} onSubmit={submit}>
      {children}
      {problem !== undefined && (
        <p role="alert" className={styles['problem']}>
          {problem}
        </p>
      )}
    </form>
  )
}

/** A secret that is shown this once; a click selects it. */
export function Secret({ label, text }: { label: string; text: string }) {
  return (
    <p>
      {label}
      <output className={styles['secret']} style={{ display: 'block' }}>
        {text}
      </output>
    </p>
  )
}
