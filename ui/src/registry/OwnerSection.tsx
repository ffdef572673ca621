import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { queryClient, setOwner } from '../api.ts'
import { Button } from '../kit/Button.tsx'
import { messageOf } from '../kit/Loaded.tsx'
import { Section } from '../kit/Page.tsx'
import { Quiet } from '../kit/Table.tsx'
import styles from './OwnerSection.module.css'

/** Whose model it is, edited in place. */
export function OwnerSection({ model, owner }: { model: string; owner: string | undefined }) {
  const [draft, setDraft] = useState<string | undefined>()
  const save = useMutation({
    mutationFn: (name: string) => setOwner(model, name),
    onSuccess: async () => {
      await queryClient.invalidateQueries({ queryKey: ['registry'] })
      setDraft(undefined)
    },
  })
  return (
    <Section title="Owner">
      {draft === undefined ? (
        <p className={styles['line']}>
          {owner ?? <Quiet>Nobody is named.</Quiet>}{' '}
          <Button look="quiet" label="Change the owner" onPress={() => setDraft(owner ?? '')}>
            Change
          </Button>
        </p>
      ) : (
        <form
          className={styles['line']}
          onSubmit={(event) => {
            event.preventDefault()
            save.mutate(draft.trim())
          }}
        >
          <label>
            A user’s name, or team:name{' '}
            <input
              className={styles['field']}
              value={draft}
              maxLength={200}
              onChange={(event) => setDraft(event.target.value)}
            />
          </label>
          <Button look="primary" disabled={save.isPending} onPress={() => save.mutate(draft.trim())}>
            Save
          </Button>
          <Button onPress={() => setDraft(undefined)}>Cancel</Button>
          {save.isError && <span role="alert">{messageOf(save.error)}</span>}
        </form>
      )}
    </Section>
  )
}
