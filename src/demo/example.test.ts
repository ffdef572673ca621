import { cpSync, mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { openTestContext } from '../../test/databases.ts'
import { applyFolder } from '../worker/sample-project.ts'
import { applyChange } from './change.ts'

const EXAMPLE = fileURLToPath(new URL('../../examples/flights', import.meta.url))
const REFERENCE = fileURLToPath(new URL('../../docs/reference/features.md', import.meta.url))

const REFUSED =
  'The feature view airport_delays uses delay for last_delay before it is known: it is known at date + to_minutes(CAST(30 + distance / 8 AS BIGINT)) (knownAt of flights), and event_time may be before that. Select the moment when it is known as "event_time", or as a createdTimestamp, or write the view with aggregate or row, which wait by themselves'

test('the flights example: a view that knows delays before the landing is refused, one that waits for it is taken, and so is a leak that nobody could see', async () => {
  await using context = await openTestContext()
  const folder = mkdtempSync(join(tmpdir(), 'tidemill-example-'))
  cpSync(EXAMPLE, folder, { recursive: true, filter: (path) => !path.includes('changes') })
  const change = async (name: string): Promise<number> => {
    await applyChange(join(EXAMPLE, 'changes', name), folder)
    return (await applyFolder(context, folder)).version.number
  }
  expect((await applyFolder(context, folder)).version.number).toBe(1)
  await expect(change('early')).rejects.toMatchObject({ code: 'invalid', message: REFUSED })
  expect(readFileSync(REFERENCE, 'utf8')).toContain(REFUSED)
  expect(await change('airport-delays')).toBe(2)
  expect(await change('leak')).toBe(3)
})
