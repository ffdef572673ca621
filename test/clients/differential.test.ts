import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { systemClock } from '../../src/kernel/clock.ts'
import { startServer, type Server } from '../../src/server/server.ts'
import { openTestContext, type TestContext } from '../databases.ts'
import { comparable } from './differential/compare.ts'
import type { Case } from './differential/cases.ts'
import { differences } from './differential/differences.ts'
import { filters, pages } from './differential/filters.ts'
import { operations } from './differential/operations.ts'
import { Subject, startMlflow, type Answer } from './differential/servers.ts'
import { setup } from './differential/setup.ts'
import { ensureEnvironment } from './environments.ts'

let context: TestContext
let server: Server
let mlflow: { url: string } & AsyncDisposable
let ours: Subject
let theirs: Subject
const folder = mkdtempSync(join(tmpdir(), 'tidemill-mlflow-'))

beforeAll(async () => {
  const python = await ensureEnvironment('mlflow', join(import.meta.dirname, 'mlflow/requirements.txt'))
  mlflow = await startMlflow(python, folder)
  theirs = new Subject(mlflow.url)
  context = await openTestContext()
  server = await startServer({ ...context, clock: systemClock })
  ours = new Subject(server.url)
  for (const one of setup)
    for (const [subject, answer] of [
      [theirs, await ask(theirs, one)],
      [ours, await ask(ours, one)],
    ] as const)
      expect(answer.status, `${subject.url} ${one.name}: ${JSON.stringify(answer.body)}`).toBe(200)
}, 900_000)

afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await context[Symbol.asyncDispose]()
  await mlflow[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true, force: true })
})

async function ask(subject: Subject, { method, path, body, headers, save = {} }: Case): Promise<Answer> {
  const answer = await subject.send(method, subject.fill(path), {
    ...(body !== undefined && { body: subject.fill(body) }),
    ...(headers && { headers }),
  })
  for (const [name, member] of Object.entries(save)) {
    let at: unknown = answer.body
    for (const key of member.split('.')) at = (at as Record<string, unknown> | undefined)?.[key]
    if (typeof at === 'string') subject.remember(name, at)
  }
  return answer
}

const listed = new Set(differences.flatMap(({ cases }) => cases))

it('every difference is in the reference, and is of a case', () => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/reference/mlflow.md'), 'utf8')
  const names = new Set([...filters, ...pages, ...operations].map(({ name }) => name))
  for (const { reason, cases } of differences) {
    expect(page).toContain(`- ${reason}\n`)
    for (const name of cases) expect(names).toContain(name)
  }
})

function messageOf(subject: Subject, { body }: Answer): string {
  return subject.name((body as { message?: string } | null)?.message ?? '')
}

it.for([
  ['filters and orders', filters],
  ['pages', pages],
  ['operations', operations],
] as const)(
  '%s: the same answers as an MLflow server, but for the differences that are listed',
  async ([, cases]) => {
    const found: string[] = []
    for (const one of cases) {
      const [wanted, given] = [await ask(theirs, one), await ask(ours, one)]
      const shown = {
        mlflow: comparable(theirs, wanted, one.ordered ?? false),
        tidemill: comparable(ours, given, one.ordered ?? false),
        ...(one.message && { mlflowMessage: messageOf(theirs, wanted), message: messageOf(ours, given) }),
      }
      const same =
        JSON.stringify(shown.mlflow) === JSON.stringify(shown.tidemill) &&
        shown.mlflowMessage === shown.message
      if (same === listed.has(one.name)) {
        const texts = `  mlflow:   ${messageOf(theirs, wanted)}\n  tidemill: ${messageOf(ours, given)}`
        found.push(
          `${one.name}\n  mlflow:   ${JSON.stringify(shown.mlflow)}\n  tidemill: ${JSON.stringify(shown.tidemill)}\n${texts}`,
        )
      }
    }
    expect(found.join('\n'), `${found.length} of ${cases.length} differ otherwise than listed`).toBe('')
  },
)
