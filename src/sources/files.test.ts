import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { files } from './definition.ts'
import { probeFiles } from './files.ts'
import { readingOf } from './reading.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tidemill-probe-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

it('finds files in folders, in order of their paths, and none that are hidden or unfinished', async () => {
  mkdirSync(join(folder, 'b/deep'), { recursive: true })
  mkdirSync(join(folder, '.cache'))
  for (const path of ['b/deep/1.csv', 'a.csv', '.cache/x.csv', 'b/.x.csv', 'b/2.csv.tmp'])
    writeFileSync(join(folder, path), path)
  const found = await probeFiles(files('**/*.csv*'), folder, [])
  expect(found.map(({ path }) => path)).toEqual(['a.csv', 'b/deep/1.csv'])
  const absolute = await probeFiles(files(join(folder, 'b/*/*.csv')), '/nowhere', [])
  expect(absolute.map(({ path }) => path)).toEqual([join(folder, 'b/deep/1.csv')])
})

it('refuses a file that changes while it is read', async () => {
  writeFileSync(join(folder, 'a.csv'), 'x\n1\n')
  const [file] = await probeFiles(files('*.csv'), folder, [])
  await file!.requireUnchanged()
  appendFileSync(join(folder, 'a.csv'), '2\n')
  await expect(file!.requireUnchanged()).rejects.toThrow(
    'a.csv changed while it was being read; nothing was ingested',
  )
})

it('reads a file again only when its size or time differ, or it was written just before', async () => {
  writeFileSync(join(folder, 'a.csv'), 'x\n1\n')
  const [first] = await probeFiles(files('*.csv'), folder, [])
  const known = { path: 'a.csv', sha256: 'known', seen: first!.seen!, seenAtMs: Date.now() + 10_000 }
  expect(await probeFiles(files('*.csv'), folder, [known])).toMatchObject([
    { changed: false, sha256: 'known' },
  ])
  const justThen = { ...known, seenAtMs: Date.now() }
  expect(await probeFiles(files('*.csv'), folder, [justThen])).toMatchObject([
    { changed: true, sha256: first!.sha256 },
  ])
  appendFileSync(join(folder, 'a.csv'), '2\n')
  expect((await probeFiles(files('*.csv'), folder, [known]))[0]!.changed).toBe(true)
})

it('takes the format from the ending, and asks for it where the ending says nothing', () => {
  expect(readingOf(files('*'), 'a.tsv')).toEqual({ format: 'csv', delimiter: '\t', compression: 'none' })
  expect(readingOf(files('*', { format: 'csv', delimiter: ';' }), 'a.txt')).toEqual({
    format: 'csv',
    delimiter: ';',
    compression: 'none',
  })
  expect(readingOf(files('*'), 'in.2024/a.b.jsonl.gz')).toMatchObject({ format: 'json', compression: 'gzip' })
  expect(() => readingOf(files('*'), 'a.txt')).toThrow('give the source a format')
})
