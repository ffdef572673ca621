// A process that writes to an online store until it has ended or is killed; started by tests with
//   [onlineUrl, dataDir, view, 'replace' | 'write' | 'push', generation, keys]
// Every row of a generation holds that number twice. Tells its parent about each piece, and how it ended.
import { setTimeout as pause } from 'node:timers/promises'
import { openOnline } from '../src/ports/online/open.ts'
import type { OnlineWrite } from '../src/ports/online/online.ts'
import { toAppError } from '../src/kernel/errors.ts'

const PIECE = 250
const [onlineUrl, dataDir, view, way, generation, keys] = process.argv.slice(2) as [
  string,
  string,
  string,
  'replace' | 'write' | 'push',
  string,
  string,
]

function rowOf(key: number): OnlineWrite {
  const value = Number(generation)
  // Pushes come in any order of time: the newest of a key is that of the process whose turn it is.
  const eventMs = way === 'push' ? ((key + value) % 3) * 1000 : value
  return { entityKey: `k${key}`, values: [value, value], eventMs, createdMs: eventMs }
}

async function* pieces(): AsyncIterable<OnlineWrite[]> {
  for (let start = 0; start < Number(keys); start += PIECE) {
    yield Array.from({ length: PIECE }, (_, i) => rowOf(start + i))
    process.send!(start)
    // A signal that answers this comes here, where no lock of SQLite is held.
    if (way !== 'push') await pause(10)
  }
}

async function work(): Promise<string> {
  await using store = await openOnline({ onlineUrl, dataDir })
  if (way === 'push') {
    for await (const rows of pieces()) await store.write(view, rows)
    return 'done'
  }
  await using claim = await store.claim(view)
  if (claim === undefined) return 'held'
  if (way === 'replace') await claim.replace(pieces())
  else for await (const rows of pieces()) await claim.write(rows)
  await claim.finish(generation)
  return 'done'
}

const ended = await work().catch((error: unknown) => toAppError(error).code)
process.send!(ended, () => process.exit(0))
