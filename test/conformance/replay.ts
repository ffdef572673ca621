import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'

/** One request of a conformance table, and what it must answer. */
interface Step {
  method: string
  path: string
  body?: unknown
  /** A body that is sent as it is, such as broken JSON or a file. */
  raw?: string
  headers?: Record<string, string>
  status: number
  /** Members that the answer must have, with these values. */
  has?: unknown
  /** The whole answer. */
  is?: unknown
  text?: string
  /** A part of the error's message. */
  message?: string
  /** Members of the answer to use later as ${name}. */
  save?: Record<string, string>
}

/** The cases of all tables in a folder beside this file. */
export function listCases(folder: string): { name: string; steps: Step[] }[] {
  const path = join(import.meta.dirname, folder)
  return readdirSync(path).flatMap((file) => {
    const cases = JSON.parse(readFileSync(join(path, file), 'utf8')) as Record<string, Step[]>
    return Object.entries(cases).map(([name, steps]) => ({
      name: `${file.replace('.json', '')}: ${name}`,
      steps,
    }))
  })
}

/** Sends the steps of a case one after another, and checks the answers. */
export async function replay(
  steps: readonly Step[],
  send: (request: Request) => Response | Promise<Response>,
): Promise<void> {
  const saved: Record<string, string> = { long: 'x'.repeat(9000), tooLong: 'k'.repeat(251) }
  for (const step of steps) await check(step, send, saved)
}

async function check(
  written: Step,
  send: (request: Request) => Response | Promise<Response>,
  saved: Record<string, string>,
): Promise<void> {
  const step = substitute(written, saved) as Step
  const at = `${step.method} ${step.path}`
  const json = { 'content-type': 'application/json' }
  const body = step.raw ?? (step.body === undefined ? undefined : JSON.stringify(step.body))
  const response = await send(
    new Request(`http://localhost${step.path}`, {
      method: step.method,
      headers: step.headers ?? (step.body === undefined ? {} : json),
      ...(body !== undefined && { body: step.headers || step.raw === undefined ? Buffer.from(body) : body }),
    }),
  )
  const text = await response.text()
  expect(response.status, `${at} answered ${text}`).toBe(step.status)
  if (step.text !== undefined) expect(text, at).toBe(step.text)
  if (step.has === undefined && step.is === undefined && !step.message && !step.save) return
  const answer = inOrderOfKeys(JSON.parse(text))
  if (step.has !== undefined) expect(answer, at).toMatchObject(inOrderOfKeys(step.has) as object)
  if (step.is !== undefined) expect(answer, at).toEqual(inOrderOfKeys(step.is))
  if (step.message) expect((answer as { message: string }).message, at).toContain(step.message)
  for (const [name, path] of Object.entries(step.save ?? {})) saved[name] = member(answer, path)
}

/** Lists of tags, params and metrics have no order across keys; the points of one metric keep theirs. */
function inOrderOfKeys(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (!Array.isArray(value))
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, inOrderOfKeys(member)]))
  const keyOf = (item: unknown): string => (item as { key?: string } | null)?.key ?? ''
  return value.map(inOrderOfKeys).toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : keyOf(a) > keyOf(b) ? 1 : 0))
}

function substitute(value: unknown, saved: Record<string, string>): unknown {
  if (typeof value === 'string')
    return value.replaceAll(/\$\{(\w+)\}/g, (_, name: string) => saved[name] ?? '')
  if (Array.isArray(value)) return value.map((item) => substitute(item, saved))
  if (typeof value !== 'object' || value === null) return value
  if ('repeat' in value && 'item' in value) return repeated(value.item, Number(value.repeat))
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, substitute(item, saved)]))
}

/** `count` copies of an item; `#` is the number of the copy. */
function repeated(item: unknown, count: number): unknown[] {
  const text = JSON.stringify(item)
  return Array.from(
    { length: count },
    (_, index) => JSON.parse(text.replaceAll('#', String(index))) as unknown,
  )
}

function member(value: unknown, path: string): string {
  let at: unknown = value
  for (const key of path.split('.')) at = (at as Record<string, unknown>)[key]
  return String(at)
}
