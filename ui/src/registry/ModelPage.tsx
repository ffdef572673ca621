import { useQuery } from '@tanstack/react-query'
import { Link } from 'wouter'
import type { ModelDetail, ModelVersionItem } from '../answers.ts'
import { describeModel, model as modelOf, queryClient } from '../api.ts'
import { Comments } from '../comments/Comments.tsx'
import { Note } from '../comments/Note.tsx'
import { IntervalDotPlot } from '../charts/IntervalDotPlot.tsx'
import { Version } from '../deployments/Version.tsx'
import { decimal } from '../format.ts'
import { Interval } from '../kit/Interval.tsx'
import { LoadedPage } from '../kit/LoadedPage.tsx'
import { Page, Section } from '../kit/Page.tsx'
import { Injected, State } from '../kit/State.tsx'
import { Quiet, Table } from '../kit/Table.tsx'
import { Time } from '../kit/Time.tsx'
import { versionColour } from '../palette.ts'
import { promotions } from '../promotions/api.ts'
import { PromotionList } from '../promotions/PromotionList.tsx'
import { Aliases } from './Aliases.tsx'
import { Delete } from './Delete.tsx'
import { mainMetric, metricName, verdictWord } from './judged.ts'
import { OwnerSection } from './OwnerSection.tsx'

const drawn = 12

/** Which version is best, and which may go live? */
export function ModelPage({ name }: { name: string }) {
  const query = useQuery(modelOf(name))
  return (
    <LoadedPage query={query} title={name} of={{ label: 'Models', href: '/models' }}>
      {(data) => <ModelView model={data} />}
    </LoadedPage>
  )
}

function ModelView({ model }: { model: ModelDetail }) {
  const champion = model.aliases['champion']
  const n = model.versions.length
  const metric = model.versions
    .map((version) => mainMetric(version.metrics))
    .find((name) => name !== undefined)
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
      {metric !== undefined && <Measured versions={model.versions.slice(0, drawn)} metric={metric} />}
      <Section title="Versions">
        <Versions versions={model.versions} metric={metric} />
      </Section>
      <Aliases model={model} />
      <OpenPromotions model={model.name} />
      <OwnerSection model={model.name} owner={model.owner} />
      <Note
        text={model.description}
        empty="Nobody has described this model yet."
        rooms={['registry']}
        read={async () =>
          (await queryClient.fetchQuery({ ...modelOf(model.name), staleTime: 0 })).description
        }
        onSave={(text) => describeModel(model.name, text)}
      />
      <Comments subjectType="model" subjectId={model.name} />
      <Delete model={model.name} />
    </Page>
  )
}

function OpenPromotions({ model }: { model: string }) {
  const query = useQuery(promotions({ model, state: 'open' }))
  const items = query.data?.items ?? []
  return (
    <Section
      title="Open promotions"
      note={<Link href={`/promotions?model=${encodeURIComponent(model)}&state=merged`}>Earlier ones</Link>}
    >
      {items.length === 0 ? (
        <Quiet>None. A version is proposed on its page.</Quiet>
      ) : (
        <PromotionList items={items} label="Open promotions" />
      )}
    </Section>
  )
}

function Measured({ versions, metric }: { versions: ModelVersionItem[]; metric: string }) {
  const rows = versions.flatMap((version) => {
    const bounds = version.metrics[metric]
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

function Versions({ versions, metric }: { versions: ModelVersionItem[]; metric: string | undefined }) {
  return (
    <Table
      label="Versions"
      rows={versions}
      rowKey={(version) => String(version.version)}
      columns={[
        { name: 'Version', cell: (version) => <Version model={version.model} version={version.version} /> },
        { name: 'Alias', cell: (version) => version.aliases.join(', ') || <Quiet>–</Quiet> },
        { name: 'Gates', cell: (version) => <Judged version={version} /> },
        ...(metric === undefined
          ? []
          : [
              {
                name: metricName(metric),
                cell: (version: ModelVersionItem) => <Measure bounds={version.metrics[metric]} />,
              },
            ]),
        { name: 'What the gates said', wrap: true, cell: (version) => version.sentence ?? '' },
        { name: 'Registered', cell: (version) => <Time ms={version.createdMs} /> },
      ]}
    />
  )
}

function Judged({ version }: { version: ModelVersionItem }) {
  return (
    <>
      {version.verdict === null ? <Quiet>not judged</Quiet> : <State word={verdictWord(version.verdict)} />}{' '}
      {version.injected && <Injected />}
    </>
  )
}

function Measure({ bounds }: { bounds: ModelVersionItem['metrics'][string] | undefined }) {
  return bounds === undefined ? <Quiet>–</Quiet> : <Interval of={bounds} />
}
