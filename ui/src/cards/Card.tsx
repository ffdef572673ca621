import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { Editor } from '../comments/Editor.tsx'
import { Markdown } from '../comments/Markdown.tsx'
import { Button } from '../kit/Button.tsx'
import { Facts } from '../kit/Facts.tsx'
import { Loaded } from '../kit/Loaded.tsx'
import { Section } from '../kit/Page.tsx'
import { Quiet, Table } from '../kit/Table.tsx'
import { Time } from '../kit/Time.tsx'
import {
  card,
  cardFile,
  cardRevisions,
  type FactBlock,
  type ModelCard,
  peopleSections,
  writeCard,
} from './api.ts'
import styles from './Card.module.css'

/** What is known of a version, and what only people know, with marked blanks. */
export function Card({ model, version }: { model: string; version: number }) {
  const query = useQuery(card(model, version))
  return <Loaded query={query}>{(data) => <CardView card={data} />}</Loaded>
}

function CardView({ card: shown }: { card: ModelCard }) {
  const { model, version, written, blanks, facts } = shown
  return (
    <>
      <p className={styles['lede']}>
        {blanks.length === 0
          ? 'Every section is written. '
          : `${blanks.length} of ${peopleSections.length} sections wait for someone who knows. `}
        {written.author !== null && written.createdMs !== null && (
          <>
            Last written by {written.author}, <Time ms={written.createdMs} />.{' '}
          </>
        )}
        <a href={cardFile(model, version, 'html')} target="_blank" rel="noreferrer">
          Page to print
        </a>
        {', '}
        <a href={cardFile(model, version, 'md')} target="_blank" rel="noreferrer">
          Markdown
        </a>
      </p>
      {peopleSections.map((section) => (
        <PeopleSection key={section.key} section={section} card={shown} />
      ))}
      {facts.map(({ title, blocks }) => (
        <Section key={title} title={title} note="known">
          {blocks.map((block, index) => (
            <div key={`${block.kind} ${index}`} className={styles['block']}>
              <Block block={block} label={title} />
            </div>
          ))}
        </Section>
      ))}
      <Revisions card={shown} />
    </>
  )
}

function PeopleSection({
  section,
  card: shown,
}: {
  section: (typeof peopleSections)[number]
  card: ModelCard
}) {
  const { key, title, question } = section
  const [edited, setEdited] = useState(false)
  const text = shown.written.sections[key]
  const isBlank = text.trim() === ''
  return (
    <Section
      title={title}
      note={
        edited ? undefined : (
          <Button
            look="quiet"
            label={`${isBlank ? 'Write' : 'Edit'} ${title}`}
            onPress={() => setEdited(true)}
          >
            {isBlank ? 'Write' : 'Edit'}
          </Button>
        )
      }
    >
      {edited ? (
        <Editor
          label={question}
          verb="Save"
          text={text}
          rooms={['registry']}
          mayBeEmpty
          onSave={(written) =>
            writeCard(shown.model, shown.version, {
              revision: shown.written.revision,
              sections: { [key]: written },
            })
          }
          onClose={() => setEdited(false)}
        />
      ) : isBlank ? (
        <p className={styles['blank']}>To be written: {question}</p>
      ) : (
        <Markdown text={text} />
      )}
    </Section>
  )
}

function Block({ block, label }: { block: FactBlock; label: string }) {
  switch (block.kind) {
    case 'text':
      return <Quiet>{block.text}</Quiet>
    case 'markdown':
      return <Markdown text={block.text} />
    case 'facts':
      return <Facts items={block.facts} />
    case 'list':
      return (
        <ul className={styles['list']}>
          {block.items.map((item) => (
            <li key={item}>{item}</li>
          ))}
        </ul>
      )
    case 'table':
      return (
        <Table
          label={`${label}: ${block.columns[0] ?? ''}`}
          rows={block.rows}
          rowKey={(row) => row.join(' ')}
          columns={block.columns.map((name, index) => ({
            name,
            wrap: true,
            cell: (row: string[]) => row[index],
          }))}
        />
      )
  }
}

function Revisions({ card: { model, version, written } }: { card: ModelCard }) {
  const query = useQuery({ ...cardRevisions(model, version), enabled: written.revision > 0 })
  const items = query.data?.items ?? []
  if (items.length === 0) return null
  return (
    <Section title="What was written before">
      <ol aria-label="Revisions">
        {items.map(({ revision, author, createdMs, sections }) => (
          <li key={revision}>
            <details className={styles['revision']}>
              <summary>
                Revision {revision} by {author} {createdMs !== null && <Time ms={createdMs} />}
              </summary>
              {peopleSections
                .filter(({ key }) => sections[key].trim() !== '')
                .map(({ key, title }) => (
                  <div key={key} className={styles['block']}>
                    <strong>{title}</strong>
                    <Markdown text={sections[key]} />
                  </div>
                ))}
            </details>
          </li>
        ))}
      </ol>
    </Section>
  )
}
