import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openTestContext, type TestContext } from './databases.ts'
import { servedFeatures } from './served-features.ts'
import { deploymentOf, openGateway, publish, tinyModel, variantOf, type TestGateway } from './gateways.ts'

interface Step {
  method: string
  path: string
  headers?: Record<string, string>
  body?: unknown
  raw?: string
  /** JSON followed by raw bytes. */
  binary?: { json: unknown; hex: string }
  status: number
  has?: object
  is?: unknown
  text?: string
  /** A part of the error's message. */
  message?: string
  /** Raw bytes behind the JSON of the answer, in hex. */
  tail?: string
}

let context: TestContext
let gateway: TestGateway

beforeAll(async () => {
  context = await openTestContext()
  const bytes = tinyModel()
  const stable = await variantOf(context, { version: 1, bytes })
  const previous = await variantOf(context, { version: 2, bytes: tinyModel(4) })
  await publish(context, [deploymentOf(stable, { previous })], {
    features: [await servedFeatures(context)],
  })
  gateway = await openGateway(context)
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await context[Symbol.asyncDispose]()
})

for (const protocol of ['oip', 'mlflow-scoring', 'feast']) {
  const folder = join(import.meta.dirname, 'conformance', protocol)
  describe(`${protocol} conformance`, () => {
    for (const file of readdirSync(folder)) {
      const cases = JSON.parse(readFileSync(join(folder, file), 'utf8')) as Record<string, Step[]>
      for (const [name, steps] of Object.entries(cases)) {
        it(`${file.replace('.json', '')}: ${name}`, async () => {
          for (const step of steps) await check(step)
        })
      }
    }
  })
}

async function check(step: Step): Promise<void> {
  const { headers, body } = toRequest(step)
  const response = await fetch(gateway.url + step.path, {
    method: step.method,
    headers,
    ...(body && { body }),
  })
  const bytes = Buffer.from(await response.arrayBuffer())
  const length = Number(response.headers.get('inference-header-content-length') ?? bytes.length)
  const text = bytes.toString('utf8', 0, length)
  const at = `${step.method} ${step.path} ${JSON.stringify(step.body ?? step.binary?.json ?? '')} answered ${text}`
  expect(response.status, at).toBe(step.status)
  if (step.text !== undefined) expect(text, at).toBe(step.text)
  if (step.tail !== undefined) expect(bytes.toString('hex', length), at).toBe(step.tail)
  if (!step.has && !step.message && !('is' in step)) return
  const answer = JSON.parse(text) as { error?: string; message?: string } | string | null
  if (step.has) expect(answer, at).toMatchObject(step.has)
  if ('is' in step) expect(answer, at).toEqual(step.is)
  if (step.message) expect(messageOf(answer), at).toContain(step.message)
}

/** Feast answers a text: a message, or JSON of one. */
function messageOf(answer: { error?: string; message?: string } | string | null): string | undefined {
  if (typeof answer !== 'string') return answer?.error ?? answer?.message
  return answer.startsWith('{') ? (JSON.parse(answer) as { message: string }).message : answer
}

function toRequest({ headers = {}, body, raw, binary }: Step): {
  headers: Record<string, string>
  body?: Buffer
} {
  const given = Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, value.replace('${tooLong}', 'k'.repeat(201))]),
  )
  if (raw !== undefined) return { headers: given, body: Buffer.from(raw) }
  if (binary !== undefined) {
    const json = Buffer.from(JSON.stringify(binary.json))
    const bytes = Buffer.concat([json, Buffer.from(binary.hex, 'hex')])
    return { headers: { ...given, 'inference-header-content-length': String(json.length) }, body: bytes }
  }
  if (body === undefined) return { headers: given }
  return {
    headers: { 'content-type': 'application/json', ...given },
    body: Buffer.from(JSON.stringify(body)),
  }
}
