// A worker for the kill tests that checks skew: data folder and database are its arguments. It stands still before each transaction of a check,
// so that kills meet every place between them.
import { withDatabase } from './other-database.ts'
import { setTimeout as wait } from 'node:timers/promises'
import { openContext } from '../src/http/open-context.ts'
import { JobRunner } from '../src/jobs/runner.ts'
import { loadConfig } from '../src/kernel/config.ts'
import type { Db } from '../src/ports/db/db.ts'
import { jobs } from '../src/skew/jobs.ts'

const [dataDir = '', databaseUrl] = process.argv.slice(2)
const config = loadConfig(dataDir, {}, { dataDir, databaseUrl, logLevel: 'silent' })
const context = await openContext(config, 'worker')

const write: Db['write'] = async (work) => {
  await wait(150)
  return await context.db.write(work)
}
const slowly = withDatabase(context, { write })
const slow = jobs.map((job) => ({
  ...job,
  run: (given: typeof context, of: Parameters<typeof job.run>[1]) => job.run({ ...given, db: slowly.db }, of),
}))
const slots = { work: 1, pipeline: 1, delivery: 1 }
await new JobRunner(context, slow, { worker: 'one name', slots }).start()
process.send!('started')
