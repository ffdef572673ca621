import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { queryClient } from '../api.ts'
import { Button } from '../kit/Button.tsx'
import { messageOf } from '../kit/Loaded.tsx'
import { review } from './api.ts'
import styles from './PromotionPage.module.css'

/** Where a review is written, for what leads there. */
export const reviewField = 'review'

/** Approves or declines what is shown: its digest goes with the review. */
export function WriteReview({ id, digest }: { id: string; digest: string }) {
  const [body, setBody] = useState('')
  const send = useMutation({
    mutationFn: (verdict: 'approved' | 'declined') => review(id, { verdict, body, digest }),
    onSuccess: async () => {
      setBody('')
      await queryClient.invalidateQueries()
    },
  })
  return (
    <form className={styles['form']} onSubmit={(event) => event.preventDefault()}>
      <label htmlFor={reviewField} className={styles['label']}>
        Your review, in Markdown
      </label>
      <textarea
        id={reviewField}
        className={styles['text']}
        rows={3}
        value={body}
        maxLength={20_000}
        onChange={(event) => setBody(event.target.value)}
      />
      {send.isError && (
        <p role="alert" className={styles['error']}>
          {messageOf(send.error)}
        </p>
      )}
      <div className={styles['buttons']}>
        <Button look="primary" disabled={send.isPending} onPress={() => send.mutate('approved')}>
          Approve
        </Button>
        <Button look="danger" disabled={send.isPending} onPress={() => send.mutate('declined')}>
          Decline
        </Button>
      </div>
    </form>
  )
}
