// From the request to the finished event: a linear pipeline of 100 steps that are all in the cache, on a warm server
// and worker (real processes) with SQLite. Usage: node bench/pipeline-cache.ts [runs]
import { fork, type ChildProcess } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ApiClient } from '../src/http/api-client.ts'
import { loadProject } from '../src/project/load.ts'

const STEPS = 100
const AIM_MS = 250
const runs = Number(process.argv[2] ?? 15)
const script = fileURLToPath(new URL('./start-role.ts', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'tidemill-bench-'))
const children: ChildProcess[] = []

try {
  const server = await start('server', {})
  await start('worker', { TIDEMILL_PORT: new URL(server!).port })
  const api = new ApiClient(server!)
  await apply(api)
  const finished = followFinished(server!)
  process.stdout.write(`first run, nothing cached: ${(await timeRun(api, finished)).toFixed(0)} ms\n`)
  const times: number[] = []
  for (let run = 0; run < runs; run++) times.push(await timeRun(api, finished))
  times.sort((a, b) => a - b)
  const median = times[Math.floor(times.length / 2)]!
  process.stdout.write(
    `${STEPS} cached steps, ${runs} runs: median ${median.toFixed(0)} ms, ` +
      `fastest ${times[0]!.toFixed(0)} ms, slowest ${times.at(-1)!.toFixed(0)} ms (aim: under ${AIM_MS} ms)\n`,
  )
  process.exitCode = median < AIM_MS ? 0 : 1
} finally {
  for (const child of children) child.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
}

function start(role: string, env: Record<string, string>): Promise<string | undefined> {
  const child = fork(script, [role], {
    cwd: folder,
    execArgv: ['--disable-warning=ExperimentalWarning'],
    env: {
      ...process.env,
      TIDEMILL_DATA_DIR: join(folder, 'data'),
      TIDEMILL_PORT: '0',
      TIDEMILL_LOG_LEVEL: 'warn',
      ...env,
    },
  })
  children.push(child)
  return new Promise((resolve, reject) => {
    child.once('message', (message) => resolve((message as { url?: string }).url))
    child.once('exit', (code) => reject(new Error(`${role} ended with ${code}`)))
  })
}

async function apply(api: ApiClient): Promise<void> {
  const project = join(folder, 'project')
  mkdirSync(project)
  writeFileSync(join(project, 'package.json'), '{"type":"module"}')
  writeFileSync(
    join(project, 'tidemill.config.ts'),
    `import { Json, pipeline, project, step } from 'tidemill'
import { z } from 'zod'
export const next = step('next', {
  in: { value: Json(z.number()) },
  out: { value: Json(z.number()) },
  run: ({ value }) => ({ value: value + 1 }),
})
const linear = pipeline('linear', {}, async () => {
  let current: Parameters<typeof next>[0]['value'] = 0
  for (let at = 0; at < ${STEPS}; at++) current = next({ value: current }).value
  await current
})
export default project('bench', { pipelines: [linear] })
`,
  )
  const { definition, snapshot, dependencies } = await loadProject(project)
  await api.post('/project-versions', { definition, snapshot, dependencies, directory: project })
}

/** Resolves for each run when the event stream tells that it has finished. */
function followFinished(server: string): (runId: string) => Promise<void> {
  const seen = new Set<string>()
  const waiting = new Map<string, () => void>()
  void (async () => {
    const response = await fetch(`${server}/api/v1/events`)
    let text = ''
    for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
      text += chunk
      const parts = text.split('\n\n')
      text = parts.pop()!
      for (const part of parts) {
        if (!part.includes('event: pipeline.run_finished')) continue
        const { payload } = JSON.parse(/^data: (.*)$/m.exec(part)![1]!) as { payload: { runId: string } }
        seen.add(payload.runId)
        waiting.get(payload.runId)?.()
      }
    }
  })().catch(() => undefined)
  return (runId) => new Promise((resolve) => (seen.has(runId) ? resolve() : waiting.set(runId, resolve)))
}

async function timeRun(api: ApiClient, finished: (runId: string) => Promise<void>): Promise<number> {
  const started = performance.now()
  const { id } = await api.post<{ id: string }>('/pipelines/linear/runs', { params: {} })
  await finished(id)
  return performance.now() - started
}
