import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openTestContext } from '../../test/databases.ts'
import { parseSnapshot } from '../ports/artifacts/code-snapshot.ts'
import { unpackSnapshot } from '../ports/artifacts/unpack-snapshot.ts'
import { snapshotBytes } from './snapshot.ts'

const FILES = Object.fromEntries(
  Array.from({ length: 40 }, (_, index) => [
    `steps/step-${index}.ts`,
    { base64: Buffer.from(`export const step = ${index}`).toString('base64'), executable: false },
  ]),
)

test('a snapshot that is unpacked many times at once is whole for everyone', async () => {
  await using context = await openTestContext()
  const { sha256: hash } = await context.artifacts.put(
    snapshotBytes(parseSnapshot({ format: 1, files: FILES })),
  )
  const unpacked = await Promise.all(
    Array.from({ length: 8 }, async () => {
      const folder = await unpackSnapshot(context, { hash, dependencies: undefined })
      return readdirSync(join(folder, 'steps')).length
    }),
  )
  expect(unpacked).toEqual(Array.from({ length: 8 }, () => 40))
  const folder = join(context.config.dataDir, 'code', hash)
  expect(readFileSync(join(folder, 'steps', 'step-7.ts'), 'utf8')).toBe('export const step = 7')
  expect(readdirSync(join(context.config.dataDir, 'code'))).toEqual([hash])
})

test('a path that leaves the folder is refused', () => {
  expect(() =>
    parseSnapshot({ format: 1, files: { '../evil.ts': { base64: '', executable: false } } }),
  ).toThrow('leaves the folder')
})
