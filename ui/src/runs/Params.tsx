import { useState } from 'react'
import type { Tag } from '../answers.ts'
import { count } from '../format.ts'
import { Facts } from '../kit/Facts.tsx'
import { Section } from '../kit/Page.tsx'
import { Quiet } from '../kit/Table.tsx'
import styles from './Panels.module.css'

const worthASearch = 15
/** A page with thousands of rows answers slowly. */
const most = 300

export function Params({ params }: { params: readonly Tag[] }) {
  const [text, setText] = useState('')
  const wanted = text.trim().toLowerCase()
  const found = params
    .filter(({ key, value }) => `${key} ${value}`.toLowerCase().includes(wanted))
    .sort((a, b) => a.key.localeCompare(b.key))
  return (
    <Section
      title="Params"
      note={
        params.length > worthASearch && (
          <input
            className={styles['search']}
            aria-label="Find a param"
            placeholder={`Find in ${count(params.length)}`}
            value={text}
            onChange={(event) => setText(event.target.value)}
          />
        )
      }
    >
      {params.length === 0 ? (
        <Quiet>None were logged.</Quiet>
      ) : found.length === 0 ? (
        <Quiet>No param contains “{text}”.</Quiet>
      ) : (
        <div
          className={styles['long']}
          tabIndex={0}
          role="region"
          aria-label="Names and values of the params"
        >
          <Facts items={found.slice(0, most).map(({ key, value }) => [key, value])} />
          {found.length > most && (
            <Quiet>
              The first {most} of {count(found.length)}: find more by name or value.
            </Quiet>
          )}
        </div>
      )}
    </Section>
  )
}
