import { Square, Undo2 } from 'lucide-react'
import { useState } from 'react'
import type { Deployment } from '../answers.ts'
import { rollBack, stopRollout } from '../api.ts'
import { Button } from '../kit/Button.tsx'
import { ConfirmDialog } from '../kit/ConfirmDialog.tsx'

/** The two large buttons for 3 a.m. */
export function Intervene({ deployment }: { deployment: Deployment }) {
  const [asked, ask] = useState<'rollback' | 'stop' | undefined>()
  const { name, model, stable, previous, rollout } = deployment
  const onTrial = rollout && `${model}/${rollout.candidateVersion}`
  const possible = rollout !== null || previous !== null
  return (
    <>
      {rollout !== null && (
        <Button size="large" onPress={() => ask('stop')}>
          <Square size={14} aria-hidden /> Stop
        </Button>
      )}
      <Button size="large" look="danger" disabled={!possible} onPress={() => ask('rollback')}>
        <Undo2 size={15} aria-hidden /> Roll back
      </Button>
      {asked === 'stop' && rollout !== null && (
        <ConfirmDialog
          title={`Stop the rollout of ${onTrial}?`}
          text={`${onTrial} gets no more traffic. ${model}/${stable?.version ?? '–'} answers everything, and nothing is held against ${onTrial}.`}
          verb="Stop the rollout"
          onConfirm={(reason) => stopRollout(rollout.id, reason)}
          onClose={() => ask(undefined)}
        />
      )}
      {asked === 'rollback' && (
        <ConfirmDialog
          title={
            rollout ? `Roll back ${onTrial}?` : `Roll back ${name} to ${model}/${previous?.version ?? '–'}?`
          }
          text={
            rollout
              ? `The rollout ends as rolled back; ${model}/${stable?.version ?? '–'} answers everything at once.`
              : `${model}/${previous?.version ?? '–'} is still loaded and answers at once; ${model}/${stable?.version ?? '–'} gets no more traffic.`
          }
          verb="Roll back"
          onConfirm={(reason) => rollBack(name, reason)}
          onClose={() => ask(undefined)}
        />
      )}
    </>
  )
}
