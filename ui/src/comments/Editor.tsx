import { useMutation } from '@tanstack/react-query'
import { type KeyboardEvent, useId, useState } from 'react'
import { queryClient } from '../api.ts'
import { Button } from '../kit/Button.tsx'
import { messageOf } from '../kit/Loaded.tsx'
import styles from './Editor.module.css'
import { Markdown } from './Markdown.tsx'

interface EditorProps {
  label: string
  verb: string
  text?: string
  placeholder?: string
  /** The answer's data in these rooms is old afterwards. */
  rooms: readonly string[]
  /** Where this browser tab keeps what is not saved yet, so that a reload does not lose it. */
  keep?: string
  /** An empty text may be saved: it takes the description away. */
  mayBeEmpty?: boolean
  onSave: (text: string) => Promise<unknown>
  onClose?: () => void
}

/** Writes Markdown: Ctrl+Enter saves, Escape leaves, what fails stays with its reason. */
export function Editor({
  label,
  verb,
  text = '',
  placeholder,
  rooms,
  keep,
  mayBeEmpty = false,
  onSave,
  onClose,
}: EditorProps) {
  const id = useId()
  const [draft, setText] = useState(() => (keep === undefined ? null : sessionStorage.getItem(keep)) ?? text)
  const setDraft = (now: string): void => {
    setText(now)
    if (keep === undefined) return
    if (now === '') sessionStorage.removeItem(keep)
    else sessionStorage.setItem(keep, now)
  }
  const [previewed, setPreviewed] = useState(false)
  const isEmpty = draft.trim() === ''
  const save = useMutation({
    mutationFn: () => onSave(draft),
    onSuccess: async () => {
      await Promise.all(rooms.map((room) => queryClient.invalidateQueries({ queryKey: [room] })))
      setDraft('')
      setPreviewed(false)
      onClose?.()
    },
  })
  const maySave = !save.isPending && (mayBeEmpty || !isEmpty)
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Escape') onClose?.()
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey) && maySave) save.mutate()
  }
  return (
    <form
      className={styles['editor']}
      onSubmit={(event) => {
        event.preventDefault()
        if (maySave) save.mutate()
      }}
    >
      <label htmlFor={id} className={styles['label']}>
        {label}
      </label>
      {previewed ? (
        <div className={styles['preview']}>
          <Markdown text={draft} />
        </div>
      ) : (
        <textarea
          id={id}
          className={styles['text']}
          rows={Math.min(20, Math.max(3, draft.split('\n').length + 1))}
          value={draft}
          maxLength={20_000}
          placeholder={placeholder}
          onChange={(event) => setDraft(event.target.value)}
          onKeyDown={onKeyDown}
        />
      )}
      {save.isError && (
        <p role="alert" className={styles['error']}>
          {messageOf(save.error)}
        </p>
      )}
      <div className={styles['buttons']}>
        <span className={styles['hint']}>Markdown; Ctrl+Enter saves</span>
        <Button look="quiet" disabled={isEmpty} onPress={() => setPreviewed(!previewed)}>
          {previewed ? 'Write' : 'Preview'}
        </Button>
        {onClose && <Button onPress={onClose}>Cancel</Button>}
        <Button look="primary" disabled={!maySave} onPress={() => save.mutate()}>
          {save.isPending ? `${verb}…` : verb}
        </Button>
      </div>
    </form>
  )
}
