import type { ReactNode } from 'react'
import { Link } from 'wouter'
import { bytes, count, date, exact } from '../format.ts'
import { Columns, Section } from '../kit/Page.tsx'
import { Quiet, Table } from '../kit/Table.tsx'
import { Evaluations } from '../registry/Evaluations.tsx'
import { Gates } from '../registry/Gates.tsx'
import type { Compared, Evidence, Side } from './answers.ts'
import styles from './PromotionPage.module.css'

/** What spoke for the version beside the holder of the alias, when the promotion was opened. */
export function EvidenceSections({ evidence, model }: { evidence: Evidence; model: string }) {
  const { candidate, holder, gates, comparison, params, metrics, code, environment, unknown } = evidence
  return (
    <>
      <Section title="Side by side" note="as it was when the promotion was opened or refreshed">
        <Table
          label="Side by side"
          rows={sides(candidate, holder)}
          rowKey={(row) => row.name}
          columns={[
            { name: 'What', cell: (row) => row.name },
            { name: `${model}/${candidate.version}`, wrap: true, cell: (row) => row.candidate },
            ...(holder === null
              ? []
              : [
                  {
                    name: `${model}/${holder.version}`,
                    wrap: true,
                    cell: (row: Row) => row.holder,
                  },
                ]),
          ]}
        />
      </Section>
      {gates && <Gates gates={gates.results} />}
      {comparison && (
        <Evaluations
          rows={comparison.subjects.map(({ name, role, metrics: measured }) => ({
            id: comparison.evaluationId,
            subject: name,
            role,
            metrics: Object.fromEntries(
              Object.entries(measured).map(([key, { estimate, ...interval }]) => [
                key,
                { value: estimate, ...interval },
              ]),
            ),
            rows: comparison.holdout.rows,
            days: comparison.holdout.days,
            holdout: comparison.holdout.digest,
          }))}
        />
      )}
      <Columns>
        <Differing title="Params that differ" rows={params} />
        <Differing title="Metrics that differ" rows={metrics} />
      </Columns>
      <Changes title="Data" changes={evidence.data} />
      <Changes title="Signature and features" changes={[...evidence.signature, ...evidence.features]} />
      {code && code.length > 0 && (
        <Section title="Code" note={`${code.length} file${code.length === 1 ? '' : 's'} differ`}>
          <Table
            label="Code"
            rows={code}
            rowKey={(file) => file.path}
            columns={[
              { name: 'File', cell: (file) => <code>{file.path}</code> },
              { name: 'Change', cell: (file) => file.change },
              { name: 'Lines added', number: true, cell: (file) => `+${file.addedLines}` },
              { name: 'Lines removed', number: true, cell: (file) => `−${file.removedLines}` },
            ]}
          />
        </Section>
      )}
      {environment.map(({ path, added, removed }) => (
        <Changes
          key={path}
          title={`Requirements: ${path}`}
          changes={[...added.map((line) => `+ ${line}`), ...removed.map((line) => `− ${line}`)]}
        />
      ))}
      <Changes title="Not known" changes={unknown} />
    </>
  )
}

interface Row {
  name: string
  candidate: ReactNode
  holder: ReactNode
}

function sides(candidate: Side, holder: Side | null): Row[] {
  const facts: [string, (side: Side) => ReactNode][] = [
    ['Registered', (side) => `${exact(side.createdMs)} by ${side.createdBy}`],
    ['Training data', (side) => (side.data ? `${side.data.name} ${side.data.version}` : '')],
    ['Rows', (side) => (side.data?.rows === undefined ? '' : count(side.data.rows))],
    ['Dates', (side) => datesOf(side.data)],
    ['Run', (side) => side.runId && <Link href={`/runs/${side.runId}`}>…{side.runId.slice(-8)}</Link>],
    ['Commit', (side) => side.commit && <code>{side.commit.slice(0, 12)}</code>],
    ['Code snapshot', (side) => side.snapshot && <code>{side.snapshot.slice(0, 12)}</code>],
    ['Size', (side) => (side.sizeBytes === null ? '' : bytes(side.sizeBytes))],
    ['Latency', (side) => latencyOf(side)],
    ['Came from', (side) => <code>{side.source}</code>],
  ]
  return facts
    .map(([name, of]) => ({ name, candidate: of(candidate) || '', holder: holder ? of(holder) || '' : '' }))
    .filter((row) => row.candidate !== '' || row.holder !== '')
}

function datesOf(data: Side['data']): string {
  return data?.fromMs === undefined || data.toMs === undefined
    ? ''
    : `${date(data.fromMs)} to ${date(data.toMs)}`
}

function latencyOf({ latency: [first] }: Side): string {
  return first === undefined
    ? ''
    : `${count(Math.round(first.p50Us))} µs, 99 % below ${count(Math.round(first.p99Us))} µs`
}

function Differing({ title, rows }: { title: string; rows: Compared[] }) {
  return (
    <Section title={title}>
      {rows.length === 0 ? (
        <Quiet>None.</Quiet>
      ) : (
        <Table
          label={title}
          rows={rows}
          rowKey={(row) => row.key}
          columns={[
            { name: 'Name', cell: (row) => row.key },
            { name: 'This', cell: (row) => row.candidate ?? <Quiet>–</Quiet> },
            { name: 'Now there', cell: (row) => row.holder ?? <Quiet>–</Quiet> },
          ]}
        />
      )}
    </Section>
  )
}

function Changes({ title, changes }: { title: string; changes: string[] }) {
  if (changes.length === 0) return null
  return (
    <Section title={title}>
      <ul className={styles['list']}>
        {changes.map((change) => (
          <li key={change}>{change}</li>
        ))}
      </ul>
    </Section>
  )
}
