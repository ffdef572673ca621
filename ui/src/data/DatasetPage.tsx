import { useMutation, useQuery } from '@tanstack/react-query'
import { Link } from 'wouter'
import { queryClient } from '../api.ts'
import { Comments } from '../comments/Comments.tsx'
import { Button } from '../kit/Button.tsx'
import { useParam } from '../kit/address.ts'
import { EmptyState } from '../kit/EmptyState.tsx'
import { Facts } from '../kit/Facts.tsx'
import { LoadedPage } from '../kit/LoadedPage.tsx'
import { Loaded, messageOf } from '../kit/Loaded.tsx'
import { Page, Section } from '../kit/Page.tsx'
import { State } from '../kit/State.tsx'
import { Quiet, Table } from '../kit/Table.tsx'
import { Time } from '../kit/Time.tsx'
import { LineageSection } from '../lineage/LineageSection.tsx'
import type { DatasetDetail } from './answers.ts'
import { dataset, lookNow, validationReport } from './api.ts'
import { CheckHistory } from './CheckHistory.tsx'
import { Difference } from './Difference.tsx'
import { Report } from './Report.tsx'
import { SourceChanges } from './SourceChanges.tsx'
import { VersionDetail } from './VersionDetail.tsx'
import { Versions } from './Versions.tsx'

/** Can I trust this version? */
export function DatasetPage({ name }: { name: string }) {
  const query = useQuery(dataset(name))
  return (
    <LoadedPage query={query} title={name} of={{ label: 'Data', href: '/datasets' }}>
      {(data) => <DatasetView dataset={data} />}
    </LoadedPage>
  )
}

function DatasetView({ dataset }: { dataset: DatasetDetail }) {
  const { report, latest } = dataset
  const newest = latest?.number
  const [chosen, choose] = useParam('version', String(newest ?? ''))
  const number = /^[1-9]\d*$/.test(chosen) ? Number(chosen) : newest
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
      actions={<LookNow name={dataset.name} />}
    >
      {report && refused && (
        <Section
          title="The data that was refused"
          note={
            <>
              <Time ms={report.createdMs} /> · <Link href={`/reports/${report.id}`}>the whole report</Link>
            </>
          }
        >
          <Refused id={report.id} />
        </Section>
      )}
      <SetAside dataset={dataset} />
      {newest === undefined || number === undefined ? (
        <EmptyState
          what="New files make a version by themselves while Tidemill runs."
          code="tidemill up      # watches the source and checks what comes"
        />
      ) : (
        <>
          <Versions
            name={dataset.name}
            newest={newest}
            chosen={number}
            onChoose={(version) => choose(String(version))}
          />
          <Difference name={dataset.name} number={number} />
          <VersionDetail name={dataset.name} number={number} />
        </>
      )}
      <CheckHistory name={dataset.name} />
      <SourceChanges name={dataset.name} />
      <About dataset={dataset} />
      {number !== undefined && (
        <LineageSection
          title={`What v${number} produced`}
          kind="dataset_version"
          id={`${dataset.name}@${number}`}
          direction="down"
        />
      )}
      <Comments subjectType="dataset" subjectId={dataset.name} />
    </Page>
  )
}

function LookNow({ name }: { name: string }) {
  const look = useMutation({
    mutationFn: () => lookNow(name),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: ['data'] }),
  })
  return (
    <>
      <Button disabled={look.isPending} onPress={() => look.mutate()}>
        Look for new data
      </Button>
      {look.isSuccess && <Quiet>A worker looks now.</Quiet>}
      {look.isError && <span role="alert">{messageOf(look.error)}</span>}
    </>
  )
}

function Refused({ id }: { id: string }) {
  const query = useQuery(validationReport(id))
  return <Loaded query={query}>{(report) => <Report report={report} told />}</Loaded>
}

/** Files whose data was refused wait at the source: each with the report that says why. */
function SetAside({ dataset: { quarantined, report } }: { dataset: DatasetDetail }) {
  const files = quarantined.filter(({ reportId }) => reportId !== report?.id)
  if (files.length === 0) return null
  return (
    <Section title="Set aside" note="files that were refused; one that changes is looked at again">
      <Table
        label="Set aside"
        rows={files}
        rowKey={(file) => `${file.path} ${file.reportId}`}
        columns={[
          { name: 'File', cell: (file) => file.path },
          { name: 'Refused', cell: (file) => <Time ms={file.createdMs} /> },
          { name: 'Why', cell: (file) => <Link href={`/reports/${file.reportId}`}>The report</Link> },
        ]}
      />
    </Section>
  )
}

function About({ dataset: { definition } }: { dataset: DatasetDetail }) {
  const { description, owner, tags = [], source, time } = definition
  return (
    <Section title="About this dataset">
      {description !== undefined && <p>{description}</p>}
      <Facts
        items={[
          ['Source', sourceText(source)],
          ['Time of a row', time ?? <Quiet>not said</Quiet>],
          ['Owner', owner ?? <Quiet>nobody is named</Quiet>],
          ...(tags.length > 0 ? ([['Tags', tags.join(', ')]] as [string, string][]) : []),
        ]}
      />
    </Section>
  )
}

/** `files: data/*.csv`, with what else the definition says. */
function sourceText({ type, ...options }: DatasetDetail['definition']['source']): string {
  const said = Object.entries(options).map(([name, value]) =>
    typeof value === 'string' ? `${name} ${value}` : `${name} ${JSON.stringify(value)}`,
  )
  return [type, ...said].join(' · ')
}
