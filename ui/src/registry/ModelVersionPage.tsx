import { useQuery } from '@tanstack/react-query'
import { Link } from 'wouter'
import type { GateResult, ModelVersion } from '../answers.ts'
import { decisions, modelVersion } from '../api.ts'
import { IntervalDotPlot } from '../charts/IntervalDotPlot.tsx'
import { asSaid } from '../decisions/subject.ts'
import { count, decimal, signed } from '../format.ts'
import { Facts } from '../kit/Facts.tsx'
import { Interval } from '../kit/Interval.tsx'
import { Loaded } from '../kit/Loaded.tsx'
import { Columns, Page, Section } from '../kit/Page.tsx'
import { Sentences } from '../kit/Sentence.tsx'
import { Injected, State } from '../kit/State.tsx'
import { Quiet, Table } from '../kit/Table.tsx'
import { moodOf } from '../kit/tone.ts'
import { Lineage } from './Lineage.tsx'

/** May this go live, and where did it come from? */
export function ModelVersionPage({ name, version }: { name: string; version: number }) {
  const query = useQuery(modelVersion(name, version))
  return <Loaded query={query}>{(data) => <VersionView version={data} />}</Loaded>
}

function VersionView({ version }: { version: ModelVersion }) {
  return (
    <Page
      title={`${version.model}/${version.version}`}
      aside={
        <>
          {version.gateVerdict === undefined ? null : <State word={version.gateVerdict} />}
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
      <Section title="Where it came from">
        <Lineage steps={version.lineage} />
      </Section>
      <Gates gates={version.gates} />
      <Evaluations version={version} />
      <Columns>
        <Section
          title="What it takes"
          note={`${version.features.length || version.signature?.inputs.length || 0} features`}
        >
          <Inputs version={version} />
        </Section>
        <Section title="Decisions about it">
          <About version={version} />
        </Section>
      </Columns>
    </Page>
  )
}

function Gates({ gates }: { gates: GateResult[] }) {
  const drawn = gates.filter((gate) => gate.value !== undefined)
  return (
    <Section title="Gates" note="a point difference decides nothing: the interval does">
      {gates.length === 0 && <Quiet>No gate was declared for this model.</Quiet>}
      {drawn.length > 0 && (
        <IntervalDotPlot
          quiet
          label="Gates: the gain against what each rule compares with"
          sides={{ left: 'worse', right: 'better' }}
          format={(value) => signed(value, 3)}
          rows={drawn.map((gate) => ({
            name: gate.name,
            ...(gate.against === undefined ? {} : { detail: `against ${gate.against}` }),
            value: gate.value ?? 0,
            lower: gate.lower,
            upper: gate.upper,
            threshold: gate.threshold,
            colour: {
              good: 'var(--good)',
              attention: 'var(--attention)',
              bad: 'var(--bad)',
              idle: 'var(--idle)',
              live: 'var(--accent)',
            }[moodOf(gate.verdict)],
          }))}
        />
      )}
      {gates.length > 0 && (
        <Table
          label="Gates"
          rows={gates}
          rowKey={(gate) => gate.name}
          columns={[
            { name: 'Rule', cell: (gate) => gate.name },
            { name: 'Verdict', cell: (gate) => <State word={gate.verdict} /> },
            { name: 'Why', wrap: true, cell: (gate) => gate.sentence },
          ]}
        />
      )}
    </Section>
  )
}

function Evaluations({ version }: { version: ModelVersion }) {
  const metrics = [...new Set(version.evaluations.flatMap((evaluation) => Object.keys(evaluation.metrics)))]
  const first = version.evaluations[0]
  return (
    <Section
      title="Evaluations"
      note={first ? `the same ${count(first.rows)} rows over ${first.days} days for all` : undefined}
    >
      {version.evaluations.length === 0 ? (
        <Quiet>It was not evaluated.</Quiet>
      ) : (
        <Table
          label="Evaluations"
          rows={version.evaluations}
          rowKey={(evaluation) => `${evaluation.role} ${evaluation.subject} ${evaluation.holdout}`}
          columns={[
            { name: 'Model', cell: (evaluation) => <strong>{evaluation.subject}</strong> },
            { name: 'Role', cell: (evaluation) => evaluation.role },
            ...metrics.map((metric) => ({
              name: metric.replaceAll('_', ' '),
              cell: (evaluation: ModelVersion['evaluations'][number]) => {
                const bounds = evaluation.metrics[metric]
                return bounds ? <Interval of={bounds} /> : '–'
              },
            })),
            { name: 'Rows', number: true, cell: (evaluation) => count(evaluation.rows) },
            { name: 'Days', number: true, cell: (evaluation) => decimal(evaluation.days, 0) },
            { name: 'Holdout', cell: (evaluation) => <code>{evaluation.holdout.slice(0, 8)}</code> },
          ]}
        />
      )}
    </Section>
  )
}

function Inputs({ version }: { version: ModelVersion }) {
  if (version.features.length > 0) {
    return (
      <Facts items={version.features.map((feature) => [feature.name, `${feature.kind} · ${feature.from}`])} />
    )
  }
  return <Facts items={(version.signature?.inputs ?? []).map((input) => [input.name, input.datatype])} />
}

function About({ version }: { version: ModelVersion }) {
  const id = `${version.model}/${version.version}`
  const query = useQuery(decisions({ subjectType: 'model_version', subjectId: id, limit: 20 }))
  return (
    <Loaded query={query}>
      {(data) =>
        data.items.length === 0 ? (
          <Quiet>
            None yet. <Link href="/decisions">All decisions</Link>
          </Quiet>
        ) : (
          <Sentences label={`Decisions about ${id}`} items={data.items.map((item) => asSaid(item))} />
        )
      }
    </Loaded>
  )
}
