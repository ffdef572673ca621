import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { readGrowingLog, StepLog } from './step-log.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tidemill-log-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

async function logged(secrets: readonly string[], pieces: readonly string[]): Promise<string> {
  const log = new StepLog(join(folder, 'log'), secrets)
  for (const piece of pieces) log.write(piece)
  const text = Buffer.from(await log.close()).toString('utf8')
  await log.remove()
  return text
}

it('takes a secret out of the log in whatever pieces it comes', async () => {
  const secret = 'hunter2-hunter3'
  const text = `before ${secret} after`
  for (let cut = 0; cut <= text.length; cut++)
    expect(await logged([secret], [text.slice(0, cut), text.slice(cut)]), String(cut)).toBe(
      'before ••• after',
    )
  expect(await logged([secret], text.split(''))).toBe('before ••• after')
  expect(await logged([secret, 'hunter9'], ['hunter', '2-hunter', '4'])).toBe('hunter2-hunter4')
  expect(await logged(['a'], ['b', 'a', 'b'])).toBe('b•••b')
  expect(await logged(['key', 'key-2'], ['key-2 and key'])).toBe('••• and •••')
})

it('keeps what only begins like a secret', async () => {
  expect(await logged(['hunter2'], ['he is a hunt'])).toBe('he is a hunt')
  expect(await logged([], ['all of ', 'it'])).toBe('all of it')
})

it('reads a growing log in whole characters', async () => {
  const path = join(folder, 'growing')
  const text = Buffer.from('Ebbe und Flut: 🌊 ümlaut\n')
  let [read, from] = ['', 0]
  writeFileSync(path, '')
  for (const byte of text) {
    appendFileSync(path, Buffer.of(byte))
    const part = await readGrowingLog(path, from)
    read += part.toString('utf8')
    from += part.length
  }
  expect(read).toBe(text.toString('utf8'))
})

it('says in the log that it could not be written, and fails nothing else', async () => {
  writeFileSync(join(folder, 'file'), '')
  const log = new StepLog(join(folder, 'file', 'log'), [])
  log.write('one line')
  const text = Buffer.from(await log.close()).toString('utf8')
  expect(text).toMatch(/… the rest could not be written: E(EXIST|NOTDIR)/)
})
