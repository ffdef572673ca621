import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { freePort } from '../differential/servers.ts'

/** Feast's own feature server over the repository in a folder. */
export async function startFeast(python: string, folder: string): Promise<{ url: string } & AsyncDisposable> {
  const port = await freePort()
  const feast = join(python, '../feast')
  const child = spawn(feast, ['serve', '-h', '127.0.0.1', '-p', String(port), '--no-access-log'], {
    cwd: folder,
    detached: true,
    stdio: 'ignore',
    env: { ...process.env, HOME: folder, FEAST_USAGE: 'False' },
  })
  const url = `http://127.0.0.1:${port}`
  for (let tries = 0; !(await isUp(url)); tries++) {
    if (tries > 300 || child.exitCode !== null) throw new Error('Feast does not start')
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  return {
    url,
    async [Symbol.asyncDispose]() {
      const ended = new Promise((resolve) => child.once('exit', resolve))
      process.kill(-child.pid!, 'SIGTERM')
      await ended
    },
  }
}

async function isUp(url: string): Promise<boolean> {
  return await fetch(`${url}/health`).then(
    ({ ok }) => ok,
    () => false,
  )
}
