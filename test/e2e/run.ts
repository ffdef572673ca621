import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const PAGES = fileURLToPath(new URL('pages.ts', import.meta.url))
const DEMO_LIMIT_MS = 600_000
const PORT = 20_000 + Math.floor(Math.random() * 10_000)

/** Plays the demo in a folder of its own, opens every page of it in a real browser, and ends the demo. */
async function run(): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'tidemill-pages-'))
  const demo = spawn(process.execPath, [MAIN, 'demo', '--data-dir', folder], {
    env: { ...process.env, TIDEMILL_PORT: String(PORT), TIDEMILL_GATEWAY_PORT: String(PORT + 1) },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  try {
    await untilPlayed(demo)
    const { status } = spawnSync(process.execPath, [PAGES, `http://127.0.0.1:${PORT}`], { stdio: 'inherit' })
    return status ?? 1
  } finally {
    demo.kill('SIGTERM')
    await new Promise((resolve) => demo.once('exit', resolve))
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Resolves when the demo says that its UI stays up; rejects when it ends before. */
function untilPlayed(demo: ReturnType<typeof spawn>): Promise<void> {
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
      if (!said.includes('stays up')) return
      clearTimeout(timer)
      resolve()
    })
  })
}

process.exit(await run())
