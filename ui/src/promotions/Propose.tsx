import { useQuery } from '@tanstack/react-query'
import { useId, useState } from 'react'
import { useLocation } from 'wouter'
import { Editor } from '../comments/Editor.tsx'
import { Section } from '../kit/Page.tsx'
import { Quiet } from '../kit/Table.tsx'
import { promotions, propose } from './api.ts'
import { PromotionList } from './PromotionList.tsx'
import styles from './PromotionPage.module.css'

interface ProposeProps {
  model: string
  version: number
  aliases: string[]
}

/** The promotions of a version, and a place to propose it for an alias that it does not have. */
export function Propose({ model, version, aliases }: ProposeProps) {
  const query = useQuery(promotions({ model, version }))
  const items = query.data?.items ?? []
  return (
    <>
      <Section title="Promotions">
        {items.length === 0 ? (
          <Quiet>This version was not proposed for an alias.</Quiet>
        ) : (
          <PromotionList items={items} />
        )}
      </Section>
      <ProposeForm model={model} version={version} aliases={aliases} />
    </>
  )
}

function ProposeForm({ model, version, aliases }: ProposeProps) {
  const field = useId()
  const [, go] = useLocation()
  const [alias, setAlias] = useState(aliases.includes('champion') ? '' : 'champion')
  return (
    <Section title="Propose it" note="others review it beside the version that holds the alias now">
      <div className={styles['form']}>
        <label htmlFor={field} className={styles['label']}>
          Alias
        </label>
        <input
          id={field}
          className={styles['field']}
          value={alias}
          maxLength={255}
          onChange={(event) => setAlias(event.target.value)}
        />
        <Editor
          label="What makes it better"
          verb="Propose"
          rooms={['registry', 'overview']}
          onSave={async (reason) => {
            const { id } = await propose(model, { version, alias, reason })
            go(`/promotions/${id}`)
          }}
        />
      </div>
    </Section>
  )
}
