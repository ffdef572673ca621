import type { Context } from '../http/context.ts'
import type { JsonObject } from '../kernel/json.ts'
import type { Trx } from '../ports/db/db.ts'
import { WATCHES, watchName, type DueWindow } from './due.ts'
import type { AlertSubject } from './lifecycle.ts'
import type { AlertKind, Monitor, WindowVerdict } from './schema.ts'
import { insertJudgement } from './store.ts'
import type { Watched } from './subject.ts'

/** What is judged: one window, by one monitor, against its deployment's stable version. */
export interface Judging {
  monitor: Monitor
  watched: Watched
  due: DueWindow
}

export function subjectOf(monitor: Monitor, kind: AlertKind, subject: string): AlertSubject {
  return {
    projectId: monitor.projectId,
    deployment: monitor.deployment,
    monitor: monitor.name,
    kind,
    subject,
  }
}

/** False when this revision of the window was judged before. */
export async function store(
  { clock }: Pick<Context, 'clock'>,
  trx: Trx,
  { monitor, due }: Pick<Judging, 'monitor' | 'due'>,
  made: { watch: string; verdict: WindowVerdict; numbers: JsonObject },
): Promise<boolean> {
  return insertJudgement(trx, {
    project_id: monitor.projectId,
    deployment: monitor.deployment,
    monitor: watchName(monitor, made.watch),
    grain: made.watch === WATCHES.feeds[0] ? 'hour' : 'day',
    start_ms: due.startMs,
    revision: due.revision,
    verdict: made.verdict,
    numbers_json: JSON.stringify(made.numbers),
    at_ms: clock.now(),
    created_ms: Date.now(),
  })
}
