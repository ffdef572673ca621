import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useLocation } from 'wouter'
import { modelUses, removeModel } from '../api.ts'
import { Button } from '../kit/Button.tsx'
import { ConfirmDialog } from '../kit/ConfirmDialog.tsx'
import { Loaded } from '../kit/Loaded.tsx'
import { Section } from '../kit/Page.tsx'
import { Quiet } from '../kit/Table.tsx'

interface DeleteProps {
  model: string
  /** Without one the model is deleted with all of its versions. */
  version?: number
}

/** Deletes a version or a model; while something uses it, says what, and what to do. */
export function Delete({ model, version }: DeleteProps) {
  const query = useQuery(modelUses(model, version))
  const [asked, ask] = useState(false)
  const [, go] = useLocation()
  const isModel = version === undefined
  const named = isModel ? model : `${model}/${version}`
  return (
    <Section title={isModel ? 'Delete this model' : 'Delete this version'}>
      <Loaded query={query}>
        {({ items }) =>
          items.length > 0 ? (
            <ul>
              {items.map(({ what, instead }) => (
                <li key={what}>
                  It can’t be deleted: {what}. <Quiet>{instead}</Quiet>
                </li>
              ))}
            </ul>
          ) : (
            <p>
              <Quiet>Nothing serves, measures or protects it.</Quiet>{' '}
              <Button look="danger" onPress={() => ask(true)}>
                Delete {named}
              </Button>
            </p>
          )
        }
      </Loaded>
      {asked && (
        <ConfirmDialog
          title={`Delete ${named}?`}
          text={
            isModel
              ? 'Its versions, aliases and tags go with it. What was logged of them stays; their numbers are not used again.'
              : 'Its aliases go with it. What was logged of it stays; its number is not used again.'
          }
          verb="Delete"
          askReason={false}
          onConfirm={async () => {
            await removeModel(model, version)
            go(isModel ? '/models' : `/models/${encodeURIComponent(model)}`)
          }}
          onClose={() => ask(false)}
        />
      )}
    </Section>
  )
}
