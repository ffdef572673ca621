import { useQuery } from '@tanstack/react-query'
import { base } from '../api.ts'
import { count } from '../format.ts'
import { ButtonLink } from '../kit/Button.tsx'
import { LoadedPage } from '../kit/LoadedPage.tsx'
import { Page, Section } from '../kit/Page.tsx'
import { State } from '../kit/State.tsx'
import { Quiet, Table } from '../kit/Table.tsx'
import { Time } from '../kit/Time.tsx'
import type { ReportDetail } from './answers.ts'
import { validationReport } from './api.ts'
import { Report } from './Report.tsx'

/** What did the checks say of what arrived then, and which rows failed? */
export function ReportPage({ id }: { id: string }) {
  const query = useQuery(validationReport(id))
  return (
    <LoadedPage query={query} title="Validation report" of={{ label: 'Data', href: '/datasets' }}>
      {(report) => <ReportView report={report} />}
    </LoadedPage>
  )
}

function ReportView({ report }: { report: ReportDetail }) {
  const refused = report.verdict === 'failed'
  return (
    <Page
      title="Validation report"
      aside={
        <State word={refused ? 'refused' : report.verdict} mood={refused ? 'bad' : moods[report.verdict]} />
      }
      crumbs={[
        { label: 'Data', href: '/datasets' },
        { label: report.dataset, href: `/datasets/${report.dataset}` },
      ]}
      lede={report.sentence}
      actions={
        <ButtonLink served href={`${base}/api/v1/validation-reports/${report.id}`}>
          As JSON
        </ButtonLink>
      }
    >
      <Section title="Checks" note={<Time ms={report.createdMs} />}>
        <Report report={report} told />
      </Section>
      <Section title="What arrived">
        <Table
          label="What arrived"
          rows={report.files}
          rowKey={(file) => file.path}
          columns={[
            { name: 'Item', cell: (file) => file.path },
            {
              name: 'Rows',
              number: true,
              cell: (file) => (file.rows === null ? <Quiet>not read</Quiet> : count(file.rows)),
            },
            {
              name: 'Became',
              cell: (file) =>
                file.quarantined ? (
                  <State word="set aside" mood="bad" />
                ) : (
                  <Quiet>{refused ? 'not ingested with the others' : 'ingested'}</Quiet>
                ),
            },
          ]}
        />
      </Section>
    </Page>
  )
}

const moods = { passed: 'good', warned: 'attention', failed: 'bad' } as const
