import { useState } from 'react'
import type { Deployment } from '../answers.ts'
import { takeDown } from '../api.ts'
import { Button } from '../kit/Button.tsx'
import { ConfirmDialog } from '../kit/ConfirmDialog.tsx'

/** For a deployment that nobody asks any more. */
export function TakeDown({ deployment: { name, model, stable } }: { deployment: Deployment }) {
  const [asked, ask] = useState(false)
  if (stable === null) return null
  return (
    <>
      <Button look="quiet" onPress={() => ask(true)}>
        Take {name} down
      </Button>
      {asked && (
        <ConfirmDialog
          title={`Take ${name} down?`}
          text={`Nobody is served by ${model}/${stable.version} any more: whoever asks ${name} gets an error. Its history stays, and the next version that is deployed to it is its first.`}
          verb="Take it down"
          onConfirm={(reason) => takeDown(name, reason)}
          onClose={() => ask(false)}
        />
      )}
    </>
  )
}
