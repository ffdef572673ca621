import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, it, vi } from 'vitest'
import { watchProject } from './watch.ts'

const folders: string[] = []
afterEach(() => folders.splice(0).forEach((folder) => rmSync(folder, { recursive: true })))

function arrange() {
  const folder = mkdtempSync(join(tmpdir(), 'tidemill-watch-'))
  folders.push(folder)
  const write = (name: string, text: string): void => writeFileSync(join(folder, name), text)
  const failed = vi.fn<(error: unknown) => void>()
  const ended = new AbortController()
  const apply = vi.fn<() => Promise<readonly string[]>>(async () => ['tidemill.config.ts', 'step.ts'])
  const watching = watchProject({ folder, apply, failed }, ended.signal)
  const end = async (): Promise<void> => {
    ended.abort()
    await watching
  }
  return { folder, write, apply, failed, end }
}

it('applies at the start, and when a file of the project changes or is replaced, once for each change', async () => {
  const { folder, write, apply, end } = arrange()
  await new Promise((resolve) => setTimeout(resolve, 700))
  expect(apply).not.toHaveBeenCalled()
  write('step.ts', '1')
  write('notes.txt', '1')
  write('tidemill.config.ts', '1')
  await vi.waitFor(() => expect(apply).toHaveBeenCalledTimes(1), 30_000)
  write('step.ts', '12')
  await vi.waitFor(() => expect(apply).toHaveBeenCalledTimes(2), 30_000)
  write('new.ts', '12')
  renameSync(join(folder, 'new.ts'), join(folder, 'tidemill.config.ts'))
  await vi.waitFor(() => expect(apply).toHaveBeenCalledTimes(3), 30_000)
  write('notes.txt', '12')
  write('other.ts', '1')
  await new Promise((resolve) => setTimeout(resolve, 1_300))
  expect(apply).toHaveBeenCalledTimes(3)
  await end()
})

it('says once what is wrong, and tries again when any code in the folder changes', async () => {
  const { write, apply, failed, end } = arrange()
  apply.mockRejectedValueOnce(new Error('step.ts has no export'))
  write('step.ts', '1')
  write('tidemill.config.ts', '1')
  await vi.waitFor(() => expect(failed).toHaveBeenCalledTimes(1), 30_000)
  await new Promise((resolve) => setTimeout(resolve, 1_300))
  expect(apply).toHaveBeenCalledTimes(1)
  write('elsewhere.ts', '1')
  await vi.waitFor(() => expect(apply).toHaveBeenCalledTimes(2), 30_000)
  expect(failed).toHaveBeenCalledTimes(1)
  await end()
})

it('applies again what changes while it is being applied', async () => {
  const { write, apply, end } = arrange()
  apply.mockImplementationOnce(async () => {
    write('step.ts', 'written meanwhile')
    return ['tidemill.config.ts', 'step.ts']
  })
  write('step.ts', '1')
  write('tidemill.config.ts', '1')
  await vi.waitFor(() => expect(apply).toHaveBeenCalledTimes(2), 30_000)
  await end()
})
