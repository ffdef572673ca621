import { useQueries, useQuery } from '@tanstack/react-query'
import type { ModelDetail, ModelVersion, ModelVersionDetail } from '../answers.ts'
import { decisions, model, modelVersion } from '../api.ts'
import { IntervalDotPlot } from '../charts/IntervalDotPlot.tsx'
import { isInjected } from '../decisions/subject.ts'
import { Version } from '../deployments/Version.tsx'
import { decimal } from '../format.ts'
import { Interval } from '../kit/Interval.tsx'
import { Loaded } from '../kit/Loaded.tsx'
import { Page, Section } from '../kit/Page.tsx'
import { Injected, State } from '../kit/State.tsx'
import { Quiet, Table } from '../kit/Table.tsx'
import { Time } from '../kit/Time.tsx'
import { versionColour } from '../palette.ts'
import {
  boundsOf,
  candidateOf,
  latestReport,
  mainMetric,
  metricName,
  ownEvaluation,
  verdictWord,
} from './judged.ts'
import { championOf } from './ModelsPage.tsx'

const shown = 12

/** Which version is best, and which may go live? */
export function ModelPage({ name }: { name: string }) {
  const query = useQuery(model(name))
  return <Loaded query={query}>{(data) => <ModelView model={data} />}</Loaded>
}

function ModelView({ model }: { model: ModelDetail }) {
  const newest = model.versions.slice(0, shown)
  const details = useQueries({ queries: newest.map(({ version }) => modelVersion(model.name, version)) })
  const judged = new Map(details.flatMap(({ data }) => (data ? [[data.version, data] as const] : [])))
  const champion = championOf(model)
  const n = model.versions.length
  return (
    <Page
      title={model.name}
      aside={<Quiet>{model.task ?? ''}</Quiet>}
      crumbs={[{ label: 'Models', href: '/models' }]}
      lede={
        champion === undefined
          ? `No version is the champion yet; ${n} ${n === 1 ? 'is' : 'are'} registered.`
          : `${model.name}/${champion} is the champion of ${n} version${n === 1 ? '' : 's'}.`
      }
    >
      <Measured judged={[...judged.values()]} />
      <Section title="Versions" note={n > shown ? `gates and metrics of the newest ${shown}` : undefined}>
        <Versions versions={model.versions} judged={judged} />
      </Section>
    </Page>
  )
}

function Measured({ judged }: { judged: ModelVersionDetail[] }) {
  const first = judged.map(ownEvaluation).find((evaluation) => evaluation !== undefined)
  const metric = mainMetric(first)
  if (metric === undefined) return null
  const rows = judged.flatMap((version) => {
    const evaluation = ownEvaluation(version)
    const bounds = evaluation && boundsOf(candidateOf(evaluation), metric)
    if (bounds === undefined) return []
    return [
      {
        name: `${version.model}/${version.version}`,
        ...(version.aliases.length > 0 && { detail: version.aliases.join(', ') }),
        ...bounds,
        colour: versionColour(version.version),
      },
    ]
  })
  return (
    <Section
      title={`${metricName(metric)} of each version`}
      note="each on its own holdout of whole days; gates compare two versions on the same one"
    >
      <IntervalDotPlot
        quiet
        label={`${metricName(metric)} of each version`}
        format={(value) => decimal(value, 3)}
        rows={rows}
      />
    </Section>
  )
}

function Versions({
  versions,
  judged,
}: {
  versions: ModelVersion[]
  judged: Map<number, ModelVersionDetail>
}) {
  const gates = useQuery(decisions({ kind: 'gate', limit: 500 }))
  const injected = new Set((gates.data?.items ?? []).filter(isInjected).map(({ id }) => id))
  const reportOf = (version: ModelVersion) => {
    const detail = judged.get(version.version)
    return detail && latestReport(detail)
  }
  return (
    <Table
      label="Versions"
      rows={versions}
      rowKey={(version) => String(version.version)}
      columns={[
        { name: 'Version', cell: (version) => <Version model={version.model} version={version.version} /> },
        { name: 'Alias', cell: (version) => version.aliases.join(', ') || <Quiet>–</Quiet> },
        {
          name: 'Gates',
          cell: (version) => {
            const report = reportOf(version)
            if (report === undefined) return <Quiet>not judged</Quiet>
            return (
              <>
                <State word={verdictWord(report.verdict)} /> {injected.has(report.decisionId) && <Injected />}
              </>
            )
          },
        },
        {
          name: 'Measured',
          cell: (version) => {
            const detail = judged.get(version.version)
            const evaluation = detail && ownEvaluation(detail)
            const metric = mainMetric(evaluation)
            const bounds =
              evaluation && metric !== undefined ? boundsOf(candidateOf(evaluation), metric) : undefined
            return bounds === undefined || metric === undefined ? (
              <Quiet>–</Quiet>
            ) : (
              <>
                {metricName(metric)} <Interval of={bounds} />
              </>
            )
          },
        },
        { name: 'What the gates said', wrap: true, cell: (version) => reportOf(version)?.sentence ?? '' },
        { name: 'Registered', cell: (version) => <Time ms={version.createdMs} /> },
      ]}
    />
  )
}
