import * as fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openTestContext, type TestContext } from './databases.ts'
import { openGateway, publish, type TestGateway } from './gateways.ts'
import { servedFeatures } from './served-features.ts'

let context: TestContext
let gateway: TestGateway

beforeAll(async () => {
  const opened = await openTestContext()
  context = { ...opened, config: { ...opened.config, maxBodyBytes: 4 * 1024 ** 2 } }
  await publish(context, [], { features: [await servedFeatures(context)] })
  gateway = await openGateway(context)
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await context[Symbol.asyncDispose]()
})

const READ = '/get-online-features'
const WRITES = ['/push', '/write-to-online-store']

interface Answer {
  status: number
  text: string
}

async function send(path: string, body: string): Promise<Answer> {
  const response = await fetch(gateway.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
  })
  return { status: response.status, text: await response.text() }
}

/** Feast's: a JSON text, or FastAPI's list of issues; nothing of what was sent comes back at length. */
function expectRefused({ status, text }: Answer, at: string): void {
  expect(status, at).toBeGreaterThanOrEqual(400)
  expect(status, `${at} answered ${text}`).toBeLessThan(500)
  const told = JSON.parse(text) as unknown
  if (status === 422 && typeof told === 'object') {
    const issue = { type: expect.any(String) as string, msg: expect.any(String) as string }
    expect((told as { detail: unknown[] }).detail[0], at).toMatchObject(issue)
  } else expect(typeof told, at).toBe('string')
}

const names = fc.constantFrom(
  'entities',
  'features',
  'feature_service',
  'full_feature_names',
  'push_source_name',
  'feature_view_name',
  'df',
  'to',
  'origin',
  'carrier_id',
  'airport_delays',
  'flights',
  'late',
  'event_time',
  'mean_delay',
  'last',
  '__proto__',
  'constructor',
)
const leaf = fc.oneof(
  names,
  fc.constantFrom('airport_delays:flights', 'route:far', ':', '@:', 'a@v1:b', '\u0000', '💥', '2001-01-14'),
  fc.constantFrom(null, true, -0, 1e308, 2 ** 60, ''),
  fc.string({ maxLength: 20, unit: 'binary' }),
)
const hostile = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    leaf,
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(names, tie('value'), { maxKeys: 6 }),
  ),
})).value
/** Requests that are answered, each with its path. */
const RIGHT: readonly [path: string, body: object][] = [
  [
    READ,
    { entities: { origin: ['ATL', 'XXX'] }, features: ['airport_delays:flights'], full_feature_names: true },
  ],
  [
    READ,
    { entities: { carrier_id: [1], origin: ['ATL'], distance: [9], seats: [3] }, feature_service: 'late' },
  ],
  [READ, { entities: { distance: [9, null] }, features: ['route:far', 'route:log'] }],
  [
    '/push',
    {
      push_source_name: 'flights',
      df: {
        origin: ['A', 7],
        event_time: ['2001-01-14', '2001-01-14'],
        mean_delay: [1, null],
        flights: [1, 2],
        last: [null, 1],
      },
      to: 'online',
    },
  ],
  [
    '/write-to-online-store',
    {
      feature_view_name: 'carriers',
      df: {
        carrier_id: [1],
        event_timestamp: ['2001-01-14'],
        created: [null],
        name: ['x'],
        mean_delay: [true],
      },
    },
  ],
]

/** A right request in which something is another thing, is gone, or stands under another name. */
const wrong = fc
  .record({
    right: fc.constantFrom(...RIGHT),
    place: fc.nat(100),
    by: fc.option(hostile),
    name: fc.option(names),
  })
  .map(({ right: [path, body], place, by, name }) => {
    let left = place % countMembers(body)
    const text = JSON.stringify(structuredClone(body), function (this: unknown, key: string, value: unknown) {
      if (key === '' || left-- !== 0) return value
      if (name === null || Array.isArray(this)) return by
      Object.assign(this as object, { [name]: value })
      return undefined
    })
    return [path, text] as const
  })

function countMembers(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  return Object.values(value).reduce<number>((sum, member) => sum + 1 + countMembers(member), 0)
}

it('Whatever is sent is answered, or refused as Feast refuses; never by a 5xx', async () => {
  for (const [path, body] of RIGHT)
    expect((await send(path, JSON.stringify(body))).status, JSON.stringify(body)).toBe(200)
  const check = async (path: string, body: string): Promise<void> => {
    const answer = await send(path, body)
    if (answer.status !== 200) expectRefused(answer, `${path} ${body}`)
  }
  await fc.assert(
    fc.asyncProperty(wrong, ([path, body]) => check(path, body)),
    { numRuns: 600 },
  )
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(READ, ...WRITES), hostile, (path, body) =>
      check(path, JSON.stringify(body)),
    ),
    { numRuns: 200 },
  )
})

it('What is no JSON, or of absurd depth, is refused', async () => {
  const deep = '['.repeat(200_000)
  const closed = deep + ']'.repeat(200_000)
  const bodies = ['', '{', 'null', '"text"', '\u0000', '{"entities":{"origin":[NaN]}}', deep, closed]
  const inside = `{"entities":{"origin":${closed}},"features":["airport_delays:flights"]}`
  const frame = `{"push_source_name":"flights","df":{"origin":${closed}}}`
  for (const path of [READ, ...WRITES])
    for (const body of [...bodies, inside, frame])
      expectRefused(await send(path, body), `${path} ${body.slice(0, 40)}`)
})

it('Too many entities, features, values or rows are refused, and quickly', async () => {
  const many = (count: number): string[] => Array.from({ length: count }, (_, i) => `k${i}`)
  const read = (entities: unknown, features: string[]): string => JSON.stringify({ entities, features })
  const flights = ['airport_delays:flights']
  const frame = {
    origin: many(20_000),
    event_time: many(20_000),
    mean_delay: many(20_000),
    flights: many(20_000),
    last: many(20_000),
  }
  const bodies: [path: string, body: string, part: string][] = [
    [READ, read({ origin: many(100_000) }, flights), 'at most 4096 entities'],
    [
      READ,
      read(
        { origin: ['a'] },
        many(3000).map((name) => `airport_delays:${name}`),
      ),
      'at most 2000 fit',
    ],
    [READ, read({ origin: ['a'] }, Array<string>(1999).fill('airport_delays:flights')), 'are named flights'],
    ['/push', JSON.stringify({ push_source_name: 'flights', df: frame }), 'at most 10000 fit'],
    [READ, read({ origin: many(500_000) }, flights), 'larger than'],
  ]
  for (const [path, body, part] of bodies) {
    const answer = await send(path, body)
    expectRefused(answer, body.slice(0, 60))
    expect(answer.text).toContain(part)
    expect(answer.text.length).toBeLessThan(2000)
  }
  const most = await send(READ, read({ origin: many(4096) }, flights))
  expect(most.status).toBe(200)
})
