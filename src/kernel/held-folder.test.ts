import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { holdFolder } from './held-folder.ts'

const root = mkdtempSync(join(tmpdir(), 'tidemill-held-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

/** A process that holds a folder, has written a file into it, and does nothing more. */
async function holder(parent: string) {
  const script = `
    import { writeFileSync } from 'node:fs'
    import { holdFolder } from '${new URL('./held-folder.ts', import.meta.url).href}'
    const { path } = await holdFolder(${JSON.stringify(parent)})
    writeFileSync(path + '/left', 'behind')
    process.stdout.write(path)
    setInterval(() => undefined, 60_000)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [said] = (await once(child.stdout, 'data')) as [Buffer]
  return { child, path: said.toString() }
}

it('What a killed process left behind goes with the next that comes; what a living one holds stays', async () => {
  const parent = join(root, 'tmp')
  const { child: dead, path: left } = await holder(parent)
  const { child: living, path: kept } = await holder(parent)
  try {
    expect(existsSync(join(left, 'left'))).toBe(true)
    const ended = once(dead, 'exit')
    dead.kill('SIGKILL')
    await ended
    const own = await holdFolder(parent)
    expect(existsSync(left)).toBe(false)
    expect(existsSync(join(kept, 'left'))).toBe(true)
    await using other = await holdFolder(parent)
    expect(existsSync(own.path)).toBe(true)
    await own[Symbol.asyncDispose]()
    expect(existsSync(own.path)).toBe(false)
    expect(existsSync(other.path)).toBe(true)
  } finally {
    living.kill('SIGKILL')
  }
})

it('Files that stand where the folders of processes do are leftovers too', async () => {
  const parent = join(root, 'incoming')
  await (await holdFolder(parent))[Symbol.asyncDispose]()
  writeFileSync(join(parent, 'abcdef.tmp'), 'half a blob')
  await using held = await holdFolder(parent)
  expect(readdirSync(parent).filter((name) => !name.startsWith('lock.db'))).toEqual([
    held.path.slice(parent.length + 1),
  ])
})
