import * as fc from 'fast-check'
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
import { mutations, spares } from './differential/mutations.ts'
import { modelOperations } from './differential/model-operations.ts'
import { operations } from './differential/operations.ts'
import { population } from './differential/population.ts'
import { pagesOf, runSearch } from './differential/random-searches.ts'
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
  await both(setup)
}, 900_000)

afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await context[Symbol.asyncDispose]()
  await mlflow[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true, force: true })
})

/** Sends to both servers what each must take. */
async function both(cases: readonly Case[]): Promise<void> {
  for (const one of cases)
    for (const subject of [theirs, ours]) {
      const answer = await ask(subject, one)
      expect(answer.status, `${subject.url} ${one.name}: ${JSON.stringify(answer.body)}`).toBe(200)
    }
}

async function ask(subject: Subject, { method, path, body, headers, save = {} }: Case): Promise<Answer> {
  const answer = await subject.send(method, subject.withIds(path), {
    ...(body !== undefined && { body: subject.withIds(body) }),
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
const spoilt = differences.flatMap((difference) => difference.spoilt ?? [])

it('every difference is in the reference, and is of a case', () => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/reference/mlflow.md'), 'utf8')
  const names = new Set([...filters, ...pages, ...operations, ...modelOperations].map(({ name }) => name))
  for (const { reason, cases } of differences) {
    expect(page).toContain(`- ${reason}\n`)
    for (const name of cases) expect(names).toContain(name)
  }
  for (const pattern of spoilt) expect(mutations.filter(({ name }) => pattern.test(name))).not.toEqual([])
})

function messageOf(subject: Subject, { body }: Answer): string {
  return subject.name((body as { message?: string } | null)?.message ?? '')
}

interface Compared {
  isSame: boolean
  /** Both answers, for who reads why the test failed. */
  shown: string
}

async function compare(one: Case): Promise<Compared> {
  const [wanted, given] = [await ask(theirs, one), await ask(ours, one)]
  const mlflow = JSON.stringify(comparable(theirs, wanted, one.ordered ?? false))
  const tidemill = JSON.stringify(comparable(ours, given, one.ordered ?? false))
  const messages = [messageOf(theirs, wanted), messageOf(ours, given)] as const
  return {
    isSame: mlflow === tidemill && (!one.message || messages[0] === messages[1]),
    shown: `${one.name}\n  mlflow:   ${mlflow} ${messages[0]}\n  tidemill: ${tidemill} ${messages[1]}`,
  }
}

it.for([
  ['filters and orders', filters],
  ['pages', pages],
  ['operations', operations],
  ['operations of models', modelOperations],
] as const)(
  '%s: the same answers as an MLflow server, but for the differences that are listed',
  async ([, cases]) => {
    const found: string[] = []
    for (const one of cases) {
      const { isSame, shown } = await compare(one)
      if (isSame === listed.has(one.name)) found.push(shown)
    }
    expect(found.join('\n'), `${found.length} of ${cases.length} differ otherwise than listed`).toBe('')
  },
)

it('random searches find the same runs in the same order, page by page', async () => {
  await both(population)
  await fc.assert(
    fc.asyncProperty(runSearch, async (search) => {
      const [wanted, given] = await Promise.all([pagesOf(theirs, search), pagesOf(ours, search)])
      expect(given).toEqual(wanted)
    }),
    { seed: 7, numRuns: 120, endOnFailure: true },
  )
})

/** All of them take minutes; the ones that a run of this test takes are spread over all fields and ways. */
const EVERY = 7

it('fields that are spoilt: the same answers, but for the differences that are listed', async () => {
  await both(spares)
  const found: string[] = []
  for (const one of mutations.filter((_, index) => index % EVERY === 0)) {
    const { isSame, shown } = await compare(one)
    if (!isSame && !spoilt.some((pattern) => pattern.test(one.name))) found.push(shown)
  }
  expect(found.join('\n')).toBe('')
})
