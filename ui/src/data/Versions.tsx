import { useQuery } from '@tanstack/react-query'
import { HistogramPair } from '../charts/HistogramPair.tsx'
import { bytes, count, date, dayOf } from '../format.ts'
import { useParam } from '../kit/address.ts'
import { Button } from '../kit/Button.tsx'
import { Loaded } from '../kit/Loaded.tsx'
import { Section } from '../kit/Page.tsx'
import { Quiet, Table } from '../kit/Table.tsx'
import { Time } from '../kit/Time.tsx'
import type { DatasetVersion } from './answers.ts'
import { datasetVersions } from './api.ts'
import styles from './DatasetPage.module.css'

const rowsAtOnce = 6
const drawn = 40

interface VersionsProps {
  name: string
  newest: number
  chosen: number
  onChoose: (number: number) => void
}

/** Each version with what made it, a few at a time; one is chosen, and the sections below are about it. */
export function Versions({ name, newest, chosen, onChoose }: VersionsProps) {
  const [below, setBelow] = useParam('below', '')
  // Without a choice those around the chosen version, which a link from elsewhere may have taken far back.
  const pagesBack = Math.max(0, Math.floor((newest - chosen) / rowsAtOnce))
  const asked = /^\d+$/.test(below) ? Number(below) - 1 : newest - pagesBack * rowsAtOnce
  const top = Math.max(1, Math.min(newest, asked))
  const query = useQuery(datasetVersions(name, top === newest ? undefined : top + 1, drawn))
  const move = (by: number) => setBelow(top + by >= newest ? '' : String(top + by + 1))
  return (
    <Section
      title="Versions"
      note={
        newest > rowsAtOnce && (
          <span className={styles['paging']}>
            v{top} to v{Math.max(1, top - rowsAtOnce + 1)} of {count(newest)}
            <Button look="quiet" disabled={top === newest} onPress={() => move(rowsAtOnce)}>
              Newer
            </Button>
            <Button look="quiet" disabled={top <= rowsAtOnce} onPress={() => move(-rowsAtOnce)}>
              Older
            </Button>
          </span>
        )
      }
    >
      <Loaded query={query}>
        {({ versions }) => (
          <>
            <Growth versions={versions} />
            <VersionTable versions={versions.slice(0, rowsAtOnce)} chosen={chosen} onChoose={onChoose} />
          </>
        )}
      </Loaded>
    </Section>
  )
}

function Growth({ versions }: { versions: DatasetVersion[] }) {
  const oldestFirst = versions.toReversed()
  if (oldestFirst.length < 3) return null
  return (
    <>
      <HistogramPair
        label="Rows that each version added"
        bins={oldestFirst.map((version) => `v${version.number}`)}
        now={oldestFirst.map((version) => version.addedRows)}
        width={Math.min(560, oldestFirst.length * 24)}
        height={36}
        fluid
      />
      <p className={styles['caption']}>
        Rows added by v{oldestFirst[0]?.number} to v{oldestFirst.at(-1)?.number}
      </p>
    </>
  )
}

function VersionTable({
  versions,
  chosen,
  onChoose,
}: {
  versions: DatasetVersion[]
  chosen: number
  onChoose: (number: number) => void
}) {
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
  )
}

const whys = { probe: 'a probe', request: 'a request', push: 'pushed rows', pipeline: 'a pipeline' }

function Maker({ version: { by, cause, deleted } }: { version: DatasetVersion }) {
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

function covers(version: DatasetVersion) {
  if (version.minTimeMs === null || version.maxTimeMs === null) return <Quiet>–</Quiet>
  const oneYear =
    new Date(version.minTimeMs).getUTCFullYear() === new Date(version.maxTimeMs).getUTCFullYear()
  return `${(oneYear ? dayOf : date)(version.minTimeMs)} – ${date(version.maxTimeMs)}`
}
