import type { Generated, Selectable } from 'kysely'

export interface JobRow {
  id: string
  project_id: string
  kind: string
  slot: string
  payload_json: string
  state: 'ready' | 'active' | 'done' | 'failed' | 'cancelled'
  unique_key: string | null
  priority: number
  /** Wall time. */
  run_at_ms: number
  /** Counts claims; it is the fencing token of the worker that holds the job. */
  attempt: number
  /** Attempts that failed by the handler's own error, as opposed to a lost lease. */
  failures: number
  max_attempts: number
  worker: string | null
  lease_until_ms: number | null
  error: string | null
  created_ms: number
  finished_ms: number | null
}

interface EventTable {
  seq: Generated<number>
  project_id: string
  kind: string
  payload_json: string
  /** Domain time. */
  at_ms: number
  created_ms: number
  /** PostgreSQL: the writing transaction, since sequence numbers commit out of order. */
  transaction_id: Generated<string>
}

export type EventRow = Selectable<EventTable>

interface ConsumerRow {
  name: string
  project_id: string
  seq: number
  /** PostgreSQL: the transaction of that event; 0 on SQLite. */
  transaction_id: Generated<number>
  updated_ms: number
}

export interface JobsTables {
  job: JobRow
  event: EventTable
  consumer: ConsumerRow
}
