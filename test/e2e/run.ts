import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const PAGES = fileURLToPath(new URL('pages.ts', import.meta.url))
const DEMO_LIMIT_MS = 780_000

/** Plays the demo in a folder of its own, opens every page of it in a real browser, and ends the demo. */
async function run(): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'tidemill-pages-'))
  const demo = spawn(process.execPath, [MAIN, 'demo', '--data-dir', folder], {
    env: { ...process.env, TIDEMILL_PORT: '0', TIDEMILL_GATEWAY_PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  try {
    const url = await played(demo)
    const { status } = spawnSync(process.execPath, [PAGES, url], { stdio: 'inherit' })
    return status ?? 1
  } finally {
    if (demo.exitCode === null) {
      demo.kill('SIGTERM')
      await new Promise((resolve) => demo.once('exit', resolve))
    }
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Resolves with the address at which the demo says that its UI stays up; rejects when it ends before. */
function played(demo: ReturnType<typeof spawn>): Promise<string> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error('The demo did not get to its end in time')),
      DEMO_LIMIT_MS,
    )
    demo.once('exit', (code) => reject(new Error(`The demo ended with exit code ${code}`)))
    let said = ''
    demo.stdout!.setEncoding('utf8').on('data', (text: string) => {
      process.stdout.write(text)
      said += text
      const [, url] = /stays up at (\S+) /.exec(said) ?? []
      if (url === undefined) return
      clearTimeout(timer)
      resolve(url)
    })
  })
}

process.exit(await run())
