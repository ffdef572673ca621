import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { encodeFrame, FrameReader } from './frames.ts'
import { PythonProcess, type PythonOptions } from './python-process.ts'

const script = join(import.meta.dirname, 'fixtures/stand_in.py')

function open(options: Partial<PythonOptions> = {}): Promise<PythonProcess> {
  return PythonProcess.open({
    python: 'python3',
    script,
    args: [],
    cwd: import.meta.dirname,
    description: {},
    startMs: 20_000,
    callMs: 10_000,
    maxResidentBytes: 1024 ** 3,
    onLine: () => undefined,
    onEvent: () => undefined,
    ...options,
  })
}

/** Calls until the process answers again. */
async function answersAgain(python: PythonProcess): Promise<number> {
  for (let tries = 0; tries < 2_000; tries++) {
    const pid = await python.call({}).then(
      ({ header }) => header['pid'] as number,
      () => undefined,
    )
    if (pid !== undefined) return pid
    await wait(25)
  }
  throw new Error('The process does not answer again')
}

function isAlive(pid: number): boolean {
  return existsSync(`/proc/${pid}`)
}

describe('frames', () => {
  it('come whole out of a stream that is cut anywhere', () => {
    const sent = [
      encodeFrame({ a: 1 }, [Uint8Array.of(1, 2, 3)]),
      encodeFrame({ b: 'ä' }),
      encodeFrame({}, []),
    ]
    const stream = Buffer.concat(sent)
    for (const size of [1, 5, 7, 64]) {
      const reader = new FrameReader()
      const frames = []
      for (let at = 0; at < stream.length; at += size)
        frames.push(...reader.push(stream.subarray(at, at + size)))
      expect(frames.map(({ header, body }) => [header, [...body]])).toEqual([
        [{ a: 1 }, [1, 2, 3]],
        [{ b: 'ä' }, []],
        [{}, []],
      ])
    }
  })
})

describe('a Python process', () => {
  it('answers calls with their bytes, and passes on what it says', async () => {
    const lines: string[] = []
    await using python = await open({ onLine: (line) => lines.push(line) })
    const replies = await Promise.all(
      [1, 2, 3].map((n) => python.call({ n }, [Uint8Array.of(n), Uint8Array.of(9)])),
    )
    expect(replies.map(({ body }) => [...body])).toEqual([
      [9, 1],
      [9, 2],
      [9, 3],
    ])
    expect(lines).toEqual(['loaded'])
  })

  it('that can’t load says why, also when there is no such program, and when it never gets ready', async () => {
    await expect(open({ description: { refuse: 'ImportError: no mlflow' } })).rejects.toMatchObject({
      code: 'invalid',
      message: "The Python model can't be loaded: ImportError: no mlflow",
    })
    await expect(open({ python: '/nowhere/python' })).rejects.toThrow(/nowhere\/python can't be started/)
    await expect(open({ script: '/nowhere.py' })).rejects.toThrow(
      /ended while loading \(exit code 2\).*nowhere\.py/,
    )
    await expect(open({ description: { hang: true }, startMs: 500 })).rejects.toThrow(
      /not loaded within 500 ms/,
    )
  })

  it('fails a call that its model fails, as the input’s fault or the model’s', async () => {
    await using python = await open()
    await expect(python.call({ act: 'fail', input: false })).rejects.toMatchObject({
      code: 'internal',
      message: 'The model failed: ValueError: no',
    })
    await expect(python.call({ act: 'fail', input: true })).rejects.toMatchObject({ code: 'invalid' })
  })

  it.each([
    ['that dies', { act: 'die' }, {}, /ended \(exit code 3\)/],
    ['whose call takes too long', { act: 'sleep' }, { callMs: 300 }, /took longer than 300 ms/],
    ['that writes no frames', { act: 'garbage' }, {}, /wrote no frame/],
    ['that takes too much memory', { act: 'grow' }, { maxResidentBytes: 150 * 1024 ** 2 }, /MB of memory/],
  ])('%s fails its calls at once and starts again', async (_, call, options, message) => {
    const events: string[] = []
    await using python = await open({ ...options, onEvent: (event) => events.push(event) })
    const before = await answersAgain(python)
    const calls = [call, {}].map((header) => python.call(header))
    const results = await Promise.allSettled(calls)
    expect(results[0]).toMatchObject({
      status: 'rejected',
      reason: { code: 'unavailable', message: expect.stringMatching(message) as string },
    })
    await expect(python.call({})).rejects.toMatchObject({ code: 'unavailable' })
    expect(await answersAgain(python)).not.toBe(before)
    expect(isAlive(before)).toBe(false)
    expect(events.at(-1)).toBe('started again')
  })

  it('killed from outside under load answers every call or fails it, and is back', async () => {
    await using python = await open()
    const pid = await answersAgain(python)
    const calls = Array.from({ length: 200 }, (_, n) => python.call({ n }))
    process.kill(pid, 'SIGKILL')
    const settled = await Promise.allSettled(calls)
    expect(
      settled.every(
        (each) => each.status === 'fulfilled' || (each.reason as Error).message.includes('ended'),
      ),
    ).toBe(true)
    expect(await answersAgain(python)).not.toBe(pid)
  })

  it('ends when it is disposed, in the middle of a call', async () => {
    const python = await open()
    const pid = await answersAgain(python)
    const call = python.call({ act: 'sleep' })
    const failed = expect(call).rejects.toMatchObject({ code: 'unavailable' })
    await python[Symbol.asyncDispose]()
    await failed
    expect(isAlive(pid)).toBe(false)
  })

  it('does not outlive a parent that is killed', async () => {
    const code = `
      import { PythonProcess } from ${JSON.stringify(new URL('./python-process.ts', import.meta.url).href)}
      const python = await PythonProcess.open({ python: 'python3', script: ${JSON.stringify(script)}, args: [], cwd: '.',
        description: {}, startMs: 20000, callMs: 60000, maxResidentBytes: 1e9, onLine() {}, onEvent() {} })
      python.call({ act: 'sleep' }).catch(() => undefined)
      console.log(python.pid)`
    const parent = spawn(
      process.execPath,
      ['--input-type=module', '--disable-warning=ExperimentalWarning', '-e', code],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    )
    const [printed] = (await once(parent.stdout, 'data')) as [Buffer]
    const pid = Number(printed.toString())
    expect(isAlive(pid)).toBe(true)
    parent.kill('SIGKILL')
    await expect.poll(() => isAlive(pid)).toBe(false)
  })
})
