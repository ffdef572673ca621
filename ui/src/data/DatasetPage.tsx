import { useQuery } from '@tanstack/react-query'
import type { DatasetDetail, DatasetVersion, DatasetVersionItem } from '../answers.ts'
import { dataset, datasetVersion, validationReport } from '../api.ts'
import { bytes, count, dayOf } from '../format.ts'
import { useParam } from '../kit/address.ts'
import { EmptyState } from '../kit/EmptyState.tsx'
import { Loaded } from '../kit/Loaded.tsx'
import { LineageSection } from '../lineage/LineageSection.tsx'
import { Page, Section } from '../kit/Page.tsx'
import { State } from '../kit/State.tsx'
import { Quiet, Table } from '../kit/Table.tsx'
import { Time } from '../kit/Time.tsx'
import { ColumnStrips } from './ColumnStrips.tsx'
import styles from './DatasetPage.module.css'
import { Report } from './Report.tsx'

/** Can I trust this version? */
export function DatasetPage({ name }: { name: string }) {
  const query = useQuery(dataset(name))
  return <Loaded query={query}>{(data) => <DatasetView dataset={data} />}</Loaded>
}

function DatasetView({ dataset }: { dataset: DatasetDetail }) {
  const newest = dataset.versions[0]
  const [chosen, choose] = useParam('version', String(newest?.number ?? ''))
  const version = dataset.versions.find((one) => String(one.number) === chosen) ?? newest
  const { report } = dataset
  const refused = report?.verdict === 'failed'
  return (
    <Page
      title={dataset.name}
      aside={
        report && (
          <State
            word={refused ? 'refused' : report.verdict}
            mood={refused ? 'bad' : report.verdict === 'warned' ? 'attention' : 'good'}
          />
        )
      }
      crumbs={[{ label: 'Data', href: '/datasets' }]}
      lede={report?.sentence ?? 'No data has arrived yet.'}
    >
      {report && refused && (
        <Section title="The data that was refused" note={<Time ms={report.createdMs} />}>
          <Refused id={report.id} />
        </Section>
      )}
      {version === undefined ? (
        <EmptyState
          what="New files make a version by themselves while Tidemill runs."
          code="tidemill up      # watches the source and checks what comes"
        />
      ) : (
        <>
          <Section title="Versions">
            <Versions
              versions={dataset.versions}
              chosen={version.number}
              onChoose={(number) => choose(String(number))}
            />
          </Section>
          <VersionDetail name={dataset.name} number={version.number} versions={dataset.versions} />
          <LineageSection
            title={`What v${version.number} produced`}
            kind="dataset_version"
            id={`${dataset.name}@${version.number}`}
            direction="down"
          />
        </>
      )}
    </Page>
  )
}

function Refused({ id }: { id: string }) {
  const query = useQuery(validationReport(id))
  return <Loaded query={query}>{(report) => <Report report={report} told />}</Loaded>
}

interface VersionsProps {
  versions: DatasetVersionItem[]
  chosen: number
  onChoose: (number: number) => void
}

function Versions({ versions, chosen, onChoose }: VersionsProps) {
  return (
    <Table
      label="Versions"
      rows={versions}
      rowKey={(version) => String(version.number)}
      columns={[
        {
          name: 'Version',
          cell: (version) => (
            <button
              type="button"
              className={styles['version']}
              aria-pressed={version.number === chosen}
              onClick={() => onChoose(version.number)}
              data-row
            >
              v{version.number}
            </button>
          ),
        },
        { name: 'Rows', number: true, cell: (version) => count(version.rows) },
        { name: 'Added', number: true, cell: (version) => `+${count(version.addedRows)}` },
        { name: 'Size', number: true, cell: (version) => bytes(version.sizeBytes) },
        { name: 'Covers', cell: (version) => covers(version) },
        { name: 'Arrived', cell: (version) => <Time ms={version.createdMs} /> },
      ]}
    />
  )
}

function covers(version: DatasetVersionItem) {
  if (version.minTimeMs === null || version.maxTimeMs === null) return <Quiet>–</Quiet>
  return `${dayOf(version.minTimeMs)} – ${dayOf(version.maxTimeMs)} ${new Date(version.maxTimeMs).getUTCFullYear()}`
}

function VersionDetail({
  name,
  number,
  versions,
}: {
  name: string
  number: number
  versions: DatasetVersionItem[]
}) {
  const query = useQuery(datasetVersion(name, number))
  const hasBefore = versions.some((version) => version.number === number - 1)
  const before = useQuery({ ...datasetVersion(name, number - 1), enabled: hasBefore })
  return (
    <Loaded query={query}>
      {(version) => <VersionView version={version} before={hasBefore ? before.data : undefined} />}
    </Loaded>
  )
}

function VersionView({ version, before }: { version: DatasetVersion; before: DatasetVersion | undefined }) {
  return (
    <>
      {version.report && (
        <Section title={`Checks of v${version.number}`}>
          <Report report={version.report} />
        </Section>
      )}
      {version.schemaChange && version.schemaChange.changes.length > 0 && (
        <Section
          title="What changed in the schema"
          note={
            <State
              word={version.schemaChange.kind}
              mood={version.schemaChange.kind === 'breaking' ? 'bad' : 'attention'}
            />
          }
        >
          <ul>
            {version.schemaChange.changes.map((change) => (
              <li key={change}>{change}</li>
            ))}
          </ul>
        </Section>
      )}
      <Section
        title={`Columns of v${version.number}`}
        note={before ? `bars: v${version.number}; outline: v${before.number}, on the same bins` : undefined}
      >
        <ColumnStrips version={version} before={before} />
      </Section>
    </>
  )
}
