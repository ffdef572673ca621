import { useQuery } from '@tanstack/react-query'
import { useParam } from '../kit/address.ts'
import { Loaded } from '../kit/Loaded.tsx'
import { Section } from '../kit/Page.tsx'
import type { DatasetVersionDetail } from './answers.ts'
import { datasetVersion } from './api.ts'
import { ColumnDetail } from './ColumnDetail.tsx'
import { ColumnStrips } from './ColumnStrips.tsx'
import { Report } from './Report.tsx'
import { Together } from './Together.tsx'

/** What is known of one version: its checks, and its columns beside those of the version before. */
export function VersionDetail({ name, number }: { name: string; number: number }) {
  const query = useQuery(datasetVersion(name, number))
  const before = useQuery({ ...datasetVersion(name, number - 1), enabled: number > 1 })
  return (
    <Loaded query={query}>
      {(version) => <VersionView version={version} before={number > 1 ? before.data : undefined} />}
    </Loaded>
  )
}

function VersionView({
  version,
  before,
}: {
  version: DatasetVersionDetail
  before: DatasetVersionDetail | undefined
}) {
  const [chosen, choose] = useParam('column', '')
  const find = (of: DatasetVersionDetail | undefined) =>
    of?.summary.columns.find(({ name }) => name === chosen)
  const column = find(version)
  return (
    <>
      {version.report && (
        <Section title={`Checks of v${version.number}`}>
          <Report report={version.report} />
        </Section>
      )}
      <Section
        title={`Columns of v${version.number}`}
        note={before ? `bars: v${version.number}; outline: v${before.number}, on the same bins` : undefined}
      >
        <ColumnStrips version={version} before={before} chosen={chosen} onChoose={choose} />
      </Section>
      {column && (
        <ColumnDetail
          column={column}
          before={find(before)}
          personal={version.personal.find(({ column: of }) => of === chosen)}
          onClose={() => choose('')}
        />
      )}
      <Together summary={version.summary} />
    </>
  )
}
