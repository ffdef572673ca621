import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openContext } from '../http/open-context.ts'
import { startFresh } from './fresh-start.ts'
import { demoConfig } from './folder.ts'

const EXAMPLE = fileURLToPath(new URL('../../examples/flights', import.meta.url))
let folder = ''

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tidemill-fresh-'))
})

afterEach(() => rmSync(folder, { recursive: true }))

/** The tables in which something stands, as a new database has them. */
function filled(): string[] {
  const database = new DatabaseSync(join(folder, 'data', 'metadata.db'))
  const tables = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all()
  const names = tables.map(({ name }) => String(name)).filter((name) => !name.startsWith('sqlite_'))
  const found = names.filter((name) => database.prepare(`SELECT 1 FROM "${name}" LIMIT 1`).get())
  database.close()
  return found.toSorted()
}

test('a demo that is told again begins with all that a new database holds, so that it can deploy', async () => {
  expect(await startFresh(folder, EXAMPLE)).toBe('nothing')
  await (
    await openContext({ ...demoConfig(join(folder, 'data'), {}), logLevel: 'silent' }, 'server')
  )[Symbol.asyncDispose]()
  const atFirst = filled()
  expect(atFirst).toContain('desired_state_head')
  expect(await startFresh(folder, EXAMPLE)).toBe('results')
  expect(filled()).toEqual(atFirst)
  writeFileSync(join(folder, 'version'), '0.0.0')
  expect(await startFresh(folder, EXAMPLE)).toBe('otherVersion')
})
