import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { configSchema } from '../kernel/config.ts'
import { openContext, openStored } from './open-context.ts'

test('A data folder that a server has just made is one to work in; an empty folder is not, and stays empty', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tidemill-stored-'))
  const config = configSchema.parse({ dataDir: join(folder, 'data'), logLevel: 'silent' })
  await expect(openStored(config)).rejects.toMatchObject({ code: 'not_found' })
  await (await openContext(config, 'server'))[Symbol.asyncDispose]()
  await using context = await openStored(config)
  expect(context.config.dataDir).toBe(join(folder, 'data'))
  rmSync(folder, { recursive: true, force: true })
})
