import { mkdtempSync, readdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { lockDataDir } from '../supervisor/lock.ts'
import { prepareDemoFolder } from './folder.ts'

const emptyFolder = (): string => mkdtempSync(join(tmpdir(), 'tidemill-demo-folder-'))

test('a folder that holds anything but a demo is refused and left as it is', async () => {
  const folder = emptyFolder()
  writeFileSync(join(folder, 'thesis.txt'), 'years of work')
  await expect(prepareDemoFolder(folder)).rejects.toMatchObject({ code: 'already_exists' })
  expect(readdirSync(folder)).toEqual(['thesis.txt'])
})

test('a folder in which a demo runs is refused', async () => {
  const folder = emptyFolder()
  using lock = lockDataDir(join(folder, 'data'))
  await expect(prepareDemoFolder(folder)).rejects.toMatchObject({ code: 'conflict' })
  expect(lock).toBeDefined()
})

test('a demo that has ended makes room for the next one', async () => {
  const folder = emptyFolder()
  await prepareDemoFolder(folder)
  const { project } = await prepareDemoFolder(folder)
  expect(readdirSync(project)).toEqual([])
})
