import { useQuery } from '@tanstack/react-query'
import { Link } from 'wouter'
import type { ModelDetail } from '../answers.ts'
import { model } from '../api.ts'
import { IntervalDotPlot } from '../charts/IntervalDotPlot.tsx'
import { decimal } from '../format.ts'
import { Interval } from '../kit/Interval.tsx'
import { Loaded } from '../kit/Loaded.tsx'
import { Page, Section } from '../kit/Page.tsx'
import { Injected, State } from '../kit/State.tsx'
import { Quiet, Table } from '../kit/Table.tsx'
import { Time } from '../kit/Time.tsx'
import { versionColour } from '../palette.ts'

type Version = ModelDetail['versions'][number]

/** Which version is best, and which may go live? */
export function ModelPage({ name }: { name: string }) {
  const query = useQuery(model(name))
  return <Loaded query={query}>{(data) => <ModelView model={data} />}</Loaded>
}

function ModelView({ model }: { model: ModelDetail }) {
  const champion = model.aliases['champion']
  const metric = model.versions.flatMap((version) => Object.keys(version.metrics)).includes('auc')
    ? 'auc'
    : Object.keys(model.versions[0]?.metrics ?? {})[0]
  const measured =
    metric === undefined ? [] : model.versions.filter((version) => version.metrics[metric] !== undefined)
  return (
    <Page
      title={model.name}
      aside={<Quiet>{model.task ?? ''}</Quiet>}
      crumbs={[{ label: 'Models', href: '/models' }]}
      lede={
        champion === undefined
          ? 'No version is the champion yet.'
          : `${model.name}/${champion} is the champion of ${model.versions.length} version${model.versions.length === 1 ? '' : 's'}.`
      }
    >
      {metric !== undefined && measured.length > 0 && (
        <Section
          title={`${metric} of each version`}
          note="each on its own holdout of whole days; the gate compares pairs on the same one"
        >
          <IntervalDotPlot
            quiet
            label={`${metric} of each version`}
            format={(value) => decimal(value, 3)}
            rows={measured.map((version) => ({
              name: `${model.name}/${version.version}`,
              detail: version.aliases.join(', '),
              value: version.metrics[metric]?.value ?? 0,
              lower: version.metrics[metric]?.lower,
              upper: version.metrics[metric]?.upper,
              colour: versionColour(version.version),
            }))}
          />
        </Section>
      )}
      <Section title="Versions">
        <Versions model={model} metric={metric} />
      </Section>
    </Page>
  )
}

function Versions({ model, metric }: { model: ModelDetail; metric: string | undefined }) {
  return (
    <Table
      label="Versions"
      rows={model.versions}
      rowKey={(version) => String(version.version)}
      columns={[
        {
          name: 'Version',
          cell: (version) => (
            <Link
              href={`/models/${model.name}/versions/${version.version}`}
            >{`${model.name}/${version.version}`}</Link>
          ),
        },
        { name: 'Alias', cell: (version) => version.aliases.join(', ') || <Quiet>–</Quiet> },
        { name: 'Gates', cell: (version) => <Verdict version={version} /> },
        ...(metric === undefined
          ? []
          : [
              {
                name: metric,
                cell: (version: Version) => {
                  const bounds = version.metrics[metric]
                  return bounds ? <Interval of={bounds} /> : <Quiet>–</Quiet>
                },
              },
            ]),
        { name: 'What the gates said', wrap: true, cell: (version) => version.sentence ?? '' },
        { name: 'Registered', cell: (version) => <Time ms={version.createdMs} /> },
      ]}
    />
  )
}

function Verdict({ version }: { version: Version }) {
  return (
    <>
      {version.verdict === undefined || version.verdict === null ? (
        <Quiet>not judged</Quiet>
      ) : (
        <State word={version.verdict} />
      )}{' '}
      {version.injected === true && <Injected />}
    </>
  )
}
