import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { queryClient } from '../api.ts'
import { Button } from '../kit/Button.tsx'
import { ConfirmDialog } from '../kit/ConfirmDialog.tsx'
import { messageOf } from '../kit/Loaded.tsx'
import type { PromotionDetail } from './answers.ts'
import { actOn, merge } from './api.ts'
import styles from './PromotionPage.module.css'
import { reviewField } from './WriteReview.tsx'

type Asked = 'force' | 'withdraw' | 'rollback'

/** What who looks at it may do with it now; what moves an alias past its policy or back asks first. */
export function Actions({ promotion }: { promotion: PromotionDetail }) {
  const { id, model, version, alias, holderVersion, may } = promotion
  const [asked, ask] = useState<Asked | undefined>()
  const act = useMutation({
    mutationFn: (action: 'merge' | 'refresh') => (action === 'merge' ? merge(id) : actOn(id, action)),
    onSuccess: () => queryClient.invalidateQueries(),
  })
  const texts: Record<Asked, { title: string; text: string; verb: string }> = {
    force: {
      title: `Force ${model}/${version} to ${alias}?`,
      text: 'The alias moves although something that its policy asks for is missing. The audit keeps who did it, and why.',
      verb: 'Force',
    },
    withdraw: {
      title: 'Withdraw this promotion?',
      text: 'It ends; a rollout that it has admitted ends too. A new one may be opened.',
      verb: 'Withdraw',
    },
    rollback: {
      title: `Roll ${alias} back to ${model}/${holderVersion}?`,
      text: `Deployments that serve ${model}/${version} go back at once where the version before stands ready.`,
      verb: 'Roll back',
    },
  }
  return (
    <>
      {may.refresh && (
        <Button disabled={act.isPending} onPress={() => act.mutate('refresh')}>
          Refresh
        </Button>
      )}
      {may.withdraw && <Button onPress={() => ask('withdraw')}>Withdraw…</Button>}
      {may.force && (
        <Button look="danger" onPress={() => ask('force')}>
          Force…
        </Button>
      )}
      {may.review && (
        <Button
          look={may.merge ? undefined : 'primary'}
          onPress={() => document.getElementById(reviewField)?.focus()}
        >
          Review
        </Button>
      )}
      {may.merge && (
        <Button look="primary" disabled={act.isPending} onPress={() => act.mutate('merge')}>
          Merge
        </Button>
      )}
      {may.rollBack && (
        <Button look="danger" onPress={() => ask('rollback')}>
          Roll back…
        </Button>
      )}
      {act.isError && (
        <p role="alert" className={styles['error']}>
          {messageOf(act.error)}
        </p>
      )}
      {asked && (
        <ConfirmDialog
          {...texts[asked]}
          onConfirm={(reason) => (asked === 'force' ? merge(id, { reason }) : actOn(id, asked, reason))}
          onClose={() => ask(undefined)}
        />
      )}
    </>
  )
}
