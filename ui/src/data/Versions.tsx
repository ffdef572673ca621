import { HistogramPair } from '../charts/HistogramPair.tsx'
import { bytes, count, dayOf } from '../format.ts'
import { Quiet, Table } from '../kit/Table.tsx'
import { Time } from '../kit/Time.tsx'
import type { DatasetVersionItem } from './answers.ts'
import styles from './DatasetPage.module.css'

const drawn = 40

/** Each version with what made it; one is chosen, and the sections below are about it. */
export function Versions({
  versions,
  chosen,
  onChoose,
}: {
  versions: DatasetVersionItem[]
  chosen: number
  onChoose: (number: number) => void
}) {
  const oldestFirst = versions.slice(0, drawn).toReversed()
  return (
    <>
      {oldestFirst.length > 2 && (
        <HistogramPair
          label="Rows that each version added"
          bins={oldestFirst.map((version) => `v${version.number}`)}
          now={oldestFirst.map((version) => version.addedRows)}
          width={Math.min(560, oldestFirst.length * 24)}
          height={36}
          fluid
        />
      )}
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
          {
            name: 'Late',
            number: true,
            cell: (version) => (version.lateRows === 0 ? '' : count(version.lateRows)),
          },
          { name: 'Size', number: true, cell: (version) => bytes(version.sizeBytes) },
          { name: 'Covers', cell: (version) => covers(version) },
          { name: 'Arrived', cell: (version) => <Time ms={version.createdMs} /> },
          { name: 'Made by', cell: (version) => <Maker version={version} /> },
        ]}
      />
    </>
  )
}

const whys = { probe: 'a probe', request: 'a request', push: 'pushed rows', pipeline: 'a pipeline' }

function Maker({ version: { by, cause, deleted } }: { version: DatasetVersionItem }) {
  if (deleted)
    return (
      <Quiet>
        rows deleted <Time ms={deleted.atMs} />: {deleted.why}
      </Quiet>
    )
  if (!by) return <Quiet>–</Quiet>
  return (
    <>
      {by.name} {cause && <Quiet>for {whys[cause.kind]}</Quiet>}
    </>
  )
}

function covers(version: DatasetVersionItem) {
  if (version.minTimeMs === null || version.maxTimeMs === null) return <Quiet>–</Quiet>
  return `${dayOf(version.minTimeMs)} – ${dayOf(version.maxTimeMs)} ${new Date(version.maxTimeMs).getUTCFullYear()}`
}
