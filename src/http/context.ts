import type { Logger } from 'pino'
import type { Clock } from '../kernel/clock.ts'
import type { Config } from '../kernel/config.ts'
import type { Ids } from '../kernel/ids.ts'
import type { Analytics } from '../ports/analytics/analytics.ts'
import type { Artifacts } from '../ports/artifacts/artifacts.ts'
import type { Db } from '../ports/db/db.ts'
import type { OnlineStore } from '../ports/online/online.ts'

/** What a process hands to its rooms. A function takes the part it needs: `Pick<Context, 'db' | 'clock'>`. */
export interface Context extends AsyncDisposable {
  readonly config: Config
  readonly db: Db
  readonly artifacts: Artifacts
  readonly analytics: Analytics
  readonly online: OnlineStore
  readonly clock: Clock
  readonly ids: Ids
  readonly log: Logger
}
