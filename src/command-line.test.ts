import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { environmentName } from './kernel/config.ts'

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url))
const NOBODY = ['--server', 'http://127.0.0.1:1']

interface Ended {
  code: number | null
  out: string
  err: string
}

function tidemill(...args: string[]): Promise<Ended> {
  return tidemillIn(process.cwd(), ...args)
}

function tidemillIn(cwd: string, ...args: string[]): Promise<Ended> {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', MAIN, ...args], {
    cwd,
    env: { ...process.env, [environmentName('port')]: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended: Ended = { code: null, out: '', err: '' }
  child.stdout.on('data', (text) => (ended.out += String(text)))
  child.stderr.on('data', (text) => (ended.err += String(text)))
  return new Promise((resolve) => child.once('close', (code) => resolve({ ...ended, code })))
}

test('A wrong argument is answered by how the command is called, and with --json by an error in JSON', async () => {
  const [text, json] = await Promise.all([tidemill('run'), tidemill('run', '--json')])
  expect(text).toMatchObject({ code: 2, out: '' })
  expect(text.err).toContain('usage: tidemill run [options] <pipeline> [params...]')
  expect(json.code).toBe(2)
  expect(JSON.parse(json.out)).toEqual({
    error: { code: 'invalid', message: "missing required argument 'pipeline'", details: {} },
  })
})

test('A command with a slip gets the near one, and a server that does not answer its exit code', async () => {
  const [slip, nobody] = await Promise.all([tidemill('modles'), tidemill('models', ...NOBODY)])
  expect(slip.err).toContain('Did you mean models?')
  expect(nobody).toMatchObject({ code: 6, out: '' })
  expect(nobody.err).toBe(
    'error: No server answers at http://127.0.0.1:1. Start one with `tidemill up`, or name it with --server.\n',
  )
})

test('Whoever only looks leaves an empty folder empty', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tidemill-empty-'))
  for (const command of ['users', 'tokens']) {
    const { code, err } = await tidemillIn(folder, command)
    expect(code).toBe(3)
    expect(err).toContain('Nothing is stored in')
  }
  expect(readdirSync(folder)).toEqual([])
  rmSync(folder, { recursive: true })
})

test('Colours are nowhere where nobody looks', async () => {
  const { out, code } = await tidemill('--help')
  expect(code).toBe(0)
  expect(out).not.toContain('\u001B')
  expect(out.split('\n').every((line) => line.length <= 80)).toBe(true)
})
