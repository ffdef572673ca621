import { useQuery } from '@tanstack/react-query'
import type { ModelVersion } from '../answers.ts'
import { decisions, describeVersion, modelVersion, queryClient } from '../api.ts'
import { asSaid } from '../decisions/subject.ts'
import { exact } from '../format.ts'
import { Comments } from '../comments/Comments.tsx'
import { Note } from '../comments/Note.tsx'
import { Card } from '../cards/Card.tsx'
import { useParam } from '../kit/address.ts'
import { Facts } from '../kit/Facts.tsx'
import { LineageSection } from '../lineage/LineageSection.tsx'
import { LoadedPage } from '../kit/LoadedPage.tsx'
import { Columns, Page, Section } from '../kit/Page.tsx'
import { Sentences } from '../kit/Sentence.tsx'
import { Injected, State } from '../kit/State.tsx'
import { Quiet } from '../kit/Table.tsx'
import { Tabs } from '../kit/Tabs.tsx'
import { wordOf } from '../kit/tone.ts'
import { Propose } from '../promotions/Propose.tsx'
import { Delete } from './Delete.tsx'
import { Evaluations } from './Evaluations.tsx'
import { Gates } from './Gates.tsx'
import { verdictWord } from './judged.ts'
import { Imported } from './Imported.tsx'

/** May this go live, and where did it come from? */
export function ModelVersionPage({ name, version }: { name: string; version: number }) {
  const query = useQuery(modelVersion(name, version))
  return (
    <LoadedPage query={query} title={`${name}/${version}`} of={{ label: 'Models', href: '/models' }}>
      {(data) => <VersionView version={data} />}
    </LoadedPage>
  )
}

function VersionView({ version }: { version: ModelVersion }) {
  const [tab] = useParam('tab', 'about')
  return (
    <Page
      title={`${version.model}/${version.version}`}
      aside={
        <>
          {version.gateVerdict && <State word={verdictWord(version.gateVerdict)} />}
          {version.aliases.map((alias) => (
            <Quiet key={alias}>{alias}</Quiet>
          ))}
          {version.injected && <Injected />}
        </>
      }
      crumbs={[
        { label: 'Models', href: '/models' },
        { label: version.model, href: `/models/${version.model}` },
      ]}
      lede={version.gateSentence ?? 'The gates have not judged this version.'}
    >
      <Tabs
        name="tab"
        label="Part of the page"
        options={[
          { value: 'about', label: 'What it is' },
          { value: 'card', label: 'Model card' },
          { value: 'promotions', label: 'Promotions' },
        ]}
      />
      {tab === 'card' ? (
        <Card model={version.model} version={version.version} />
      ) : tab === 'promotions' ? (
        <Propose model={version.model} version={version.version} aliases={version.aliases} />
      ) : (
        <About version={version} />
      )}
    </Page>
  )
}

function About({ version }: { version: ModelVersion }) {
  const n = version.features.length
  return (
    <>
      <LineageSection title="Where it came from, and where it went" kind="model_version" id={version.id} />
      <Gates gates={version.gates} />
      <Evaluations rows={version.evaluations} />
      <Columns>
        <Section title="What it takes" note={`${n} input${n === 1 ? '' : 's'}, in this order`}>
          {n === 0 ? (
            <Quiet>Its signature is not known.</Quiet>
          ) : (
            <Facts
              items={version.features.map(({ name, kind, from }) => [name, `${kind}, from ${source(from)}`])}
            />
          )}
        </Section>
        <Section title="About">
          <Facts
            items={[
              ['Predicts', version.task ?? 'not said'],
              ['Registered by', version.createdBy],
              ['Registered', exact(version.createdMs)],
              ['Feature service', version.featureService?.name ?? 'none: it takes what a request carries'],
              ...Object.entries(version.tags),
            ]}
          />
        </Section>
      </Columns>
      <Imported version={version} />
      <Note
        text={version.description}
        empty="Nobody has described this version yet."
        rooms={['registry']}
        read={async () =>
          (await queryClient.fetchQuery({ ...modelVersion(version.model, version.version), staleTime: 0 }))
            .description
        }
        onSave={(text) => describeVersion(version.model, version.version, text)}
      />
      <Decisions version={version} />
      <Comments subjectType="model_version" subjectId={`${version.model}/${version.version}`} />
      <Delete model={version.model} version={version.version} />
    </>
  )
}

function source(from: string): string {
  if (from === 'request') return 'the request'
  if (from === 'view') return 'a feature view'
  return from === 'on_demand' ? 'an on-demand feature' : wordOf(from)
}

function Decisions({ version }: { version: ModelVersion }) {
  const query = useQuery(
    decisions({ subjectType: 'model_version', subjectId: `${version.model}/${version.version}`, limit: 50 }),
  )
  const items = query.data?.items ?? []
  if (items.length === 0) return null
  return (
    <Section title="Decisions about it">
      <Sentences label="Decisions about it" items={items.map((decision) => asSaid(decision))} />
    </Section>
  )
}
