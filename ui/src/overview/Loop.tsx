import { Link } from 'wouter'
import type { Overview, Station, StationName } from '../answers.ts'
import { Spark } from '../charts/Spark.tsx'
import { State } from '../kit/State.tsx'
import { type Line, useLitLines } from '../live.ts'
import styles from './Loop.module.css'

const names: Record<StationName, string> = {
  data: 'Data',
  features: 'Features',
  training: 'Training',
  gates: 'Gates',
  rollout: 'Rollout',
  serving: 'Serving',
  feedback: 'Feedback',
  monitoring: 'Monitoring',
  triggers: 'Triggers',
}

/** Where each station stands in the ring: grid column and row. Serving is the widest: it is what people feel. */
const places: [StationName, column: string, row: number][] = [
  ['data', '1', 1],
  ['features', '3', 1],
  ['training', '5', 1],
  ['gates', '7', 1],
  ['rollout', '9', 1],
  ['serving', '7 / 10', 3],
  ['feedback', '5', 3],
  ['monitoring', '3', 3],
  ['triggers', '1', 3],
]

const lines: [Line, column: string, row: number, direction: 'right' | 'left' | 'down' | 'up'][] = [
  ['data', '2', 1, 'right'],
  ['features', '4', 1, 'right'],
  ['training', '6', 1, 'right'],
  ['gates', '8', 1, 'right'],
  ['rollout', '9', 2, 'down'],
  ['serving', '6', 3, 'left'],
  ['feedback', '4', 3, 'left'],
  ['monitoring', '2', 3, 'left'],
  ['triggers', '1', 2, 'up'],
]

/** The whole operation as one ring: data to training to serving, and what is learned there back to data. */
export function Loop({ stations }: { stations: Overview['stations'] }) {
  const lit = useLitLines()
  return (
    <div className={styles['loop']} role="group" aria-label="The loop">
      {places.map(([name, column, row]) => (
        <StationLink key={name} name={name} station={stations[name]} column={column} row={row} />
      ))}
      {lines.map(([name, column, row, direction]) => (
        <Arrow key={name} column={column} row={row} direction={direction} lit={lit.has(name)} />
      ))}
    </div>
  )
}

interface StationLinkProps {
  name: StationName
  station: Station
  column: string
  row: number
}

function StationLink({ name, station, column, row }: StationLinkProps) {
  const look = station.state === 'attention' || station.state === 'bad' ? styles[station.state] : ''
  return (
    <Link
      href={station.href}
      className={`${styles['station']} ${look} ${name === 'triggers' ? styles['last'] : ''}`}
      style={{ gridColumn: column, gridRow: row }}
      data-row
    >
      <span className={styles['name']}>
        <strong>{names[name]}</strong>
        <State word={station.word} mood={station.state} />
      </span>
      {(station.number !== '' || station.spark) && (
        <span className={styles['number']}>
          <span>{station.number}</span>
          {station.spark && <Spark values={station.spark} />}
        </span>
      )}
      <span
        className={`${styles['detail']} ${station.number === '' ? styles['only'] : ''}`}
        title={station.detail}
      >
        {station.detail}
      </span>
    </Link>
  )
}

const arrows = {
  right: 'M3 9H26M21 4.5l5 4.5l-5 4.5',
  left: 'M27 9H4M9 4.5l-5 4.5l5 4.5',
  down: 'M15 3V30M10.5 25l4.5 5l4.5-5',
  up: 'M15 31V4M10.5 9l4.5-5l4.5 5',
}

function Arrow(props: { column: string; row: number; direction: keyof typeof arrows; lit: boolean }) {
  const vertical = props.direction === 'down' || props.direction === 'up'
  return (
    <svg
      viewBox={vertical ? '0 0 30 34' : '0 0 30 18'}
      className={`${styles['line']} ${props.lit ? styles['lit'] : ''} ${vertical ? styles['down'] : ''}`}
      style={{ gridColumn: props.column, gridRow: props.row }}
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden
    >
      <path d={arrows[props.direction]} />
    </svg>
  )
}
