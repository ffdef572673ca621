import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { http } from './definition.ts'
import type { KnownItem, SourceItem } from './item.ts'
import { probeSource, type ProbeInput } from './probe.ts'

const WEATHER = readFileSync(
  join(import.meta.dirname, '../../node_modules/vega-datasets/data/seattle-weather.csv'),
)

let folder: string
let server: Server | undefined
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tidemill-http-'))
})
afterEach(async () => {
  rmSync(folder, { recursive: true })
  server?.closeAllConnections()
  await new Promise((done) => (server ? server.close(done) : done(undefined)))
  server = undefined
})

async function serve(listener: RequestListener): Promise<string> {
  server = createServer(listener)
  await new Promise<void>((listening) => server!.listen(0, '127.0.0.1', listening))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function probe(
  url: string,
  options: Parameters<typeof http>[1] = {},
  input: Partial<ProbeInput> = {},
): Promise<SourceItem> {
  const { items } = await probeSource(http(url, options), {
    directory: folder,
    folder,
    known: [],
    cursor: null,
    allowPrivate: true,
    history: async () => [],
    columns: [],
    treatments: { columns: new Map() },
    openSession: () => Promise.reject(new Error('it needs no session')),
    signal: new AbortController().signal,
    ...input,
  })
  return items[0]!
}

const remembered = ({ path, sha256, seen }: SourceItem): KnownItem => ({
  path,
  sha256,
  seen: seen!,
  seenAtMs: 0,
})
const content = (item: SourceItem): Promise<string> => item.use(async (path) => readFileSync(path, 'utf8'))

it('fetches a file, and then only asks whether it is still the same', async () => {
  const asked: (string | undefined)[] = []
  let etag = '"one"'
  const url = await serve((request, response) => {
    asked.push(request.headers['if-none-match'])
    if (request.headers['if-none-match'] === etag) return void response.writeHead(304).end()
    response.writeHead(200, { etag }).end(etag === '"one"' ? WEATHER : 'a\n1\n')
  })
  const first = await probe(`${url}/weather.csv?key=1`)
  expect(first).toMatchObject({ changed: true, reading: { format: 'csv', compression: 'none' } })
  expect(await content(first)).toBe(WEATHER.toString('utf8'))
  const same = await probe(`${url}/weather.csv?key=1`, {}, { known: [remembered(first)] })
  expect(same).toMatchObject({ changed: false, sha256: first.sha256 })
  expect(await content(same)).toBe(WEATHER.toString('utf8'))
  etag = '"two"'
  await expect(content(same)).rejects.toThrow('changed while it was being read')
  const next = await probe(`${url}/weather.csv?key=1`, {}, { known: [remembered(first)] })
  expect(next.changed).toBe(true)
  expect(asked).toEqual([undefined, '"one"', undefined, undefined, '"one"'])
})

it('asks by the time of the last change where there is no ETag, and takes the format from the content type', async () => {
  const at = 'Wed, 01 May 2024 10:00:00 GMT'
  const url = await serve((request, response) => {
    if (request.headers['if-modified-since'] === at) return void response.writeHead(304).end()
    response.writeHead(200, { 'last-modified': at, 'content-type': 'application/x-ndjson' }).end('{"a":1}\n')
  })
  const first = await probe(`${url}/feed`)
  expect(first.reading.format).toBe('json')
  expect((await probe(`${url}/feed`, {}, { known: [remembered(first)] })).changed).toBe(false)
})

it('refuses an answer that is cut off or longer than allowed, and tries again what may pass', async () => {
  let asked = 0
  const url = await serve((request, response) => {
    asked++
    if (request.url === '/cut.csv') {
      response.writeHead(200, { 'content-length': 1000 }).write('a\n1\n')
      setTimeout(() => response.destroy(), 10)
    } else if (request.url === '/chunks.csv') {
      response.writeHead(200).write('a\n1\n')
      setTimeout(() => response.destroy(), 10)
    } else if (request.url === '/busy.csv' && asked < 3) response.writeHead(503).end()
    else response.end('a\n'.repeat(1000))
  })
  const options = { maxBytes: 1500 }
  await expect(probe(`${url}/large.csv`, options)).rejects.toThrow('/large.csv is larger than 1500 bytes')
  expect(asked).toBe(1)
  await expect(probe(`${url}/cut.csv`)).rejects.toThrow(/cut\.csv can't be fetched: aborted/)
  expect(asked).toBe(4)
  await expect(probe(`${url}/chunks.csv`)).rejects.toMatchObject({ code: 'unavailable' })
  asked = 0
  expect(await content(await probe(`${url}/busy.csv`))).toHaveLength(2000)
  expect(asked).toBe(3)
}, 20_000)

it('says what a server answers, and gives up one that is silent', async () => {
  const url = await serve((request, response) => {
    if (request.url === '/denied.csv') response.writeHead(403).end()
    else if (request.url === '/none.csv') response.writeHead(404).end()
    else if (request.url === '/gzip.csv') response.writeHead(200, { 'content-encoding': 'gzip' }).end('x')
  })
  await expect(probe(`${url}/denied.csv`)).rejects.toThrow(
    '/denied.csv answers with the status 403: the credentials are wrong or missing',
  )
  await expect(probe(`${url}/none.csv`)).rejects.toThrow('/none.csv answers with the status 404')
  await expect(probe(`${url}/gzip.csv`)).rejects.toThrow('in the encoding gzip, which was not asked for')
  await expect(probe(`${url}/silent.csv`, { timeout: '100ms' })).rejects.toThrow(
    '/silent.csv did not answer in full within 0.1 s',
  )
}, 20_000)

it('sends secret headers to the origin alone, and follows few redirects', async () => {
  const seen: (string | undefined)[] = []
  process.env['FEED_TOKEN'] = 'Bearer sesame'
  const url = await serve((request, response) => {
    seen.push(request.headers.authorization)
    if (request.url === '/here.csv') response.writeHead(302, { location: '/there.csv' }).end()
    else if (request.url === '/away.csv')
      response
        .writeHead(302, { location: `http://localhost:${request.headers.host!.split(':')[1]}/there.csv` })
        .end()
    else if (request.url === '/round.csv') response.writeHead(302, { location: '/round.csv' }).end()
    else response.end('a\n1\n')
  })
  const options = { secretHeaders: { authorization: 'FEED_TOKEN' } }
  await probe(`${url}/here.csv`, options)
  expect(seen).toEqual(['Bearer sesame', 'Bearer sesame'])
  seen.length = 0
  await probe(`${url}/away.csv`, options)
  expect(seen).toEqual(['Bearer sesame', undefined])
  await expect(probe(`${url}/round.csv`)).rejects.toThrow('redirects more than 5 times')
  delete process.env['FEED_TOKEN']
  await expect(probe(`${url}/here.csv`, options)).rejects.toThrow('The secret FEED_TOKEN is not set')
})

it('refuses private addresses, also behind a redirect or a name, unless they are allowed', async () => {
  const denied = { allowPrivate: false }
  const url = await serve((_, response) => response.end('a\n1\n'))
  await expect(probe(`${url}/a.csv`, {}, denied)).rejects.toThrow('127.0.0.1 is no public address')
  await expect(probe('http://localhost:1/a.csv', {}, denied)).rejects.toThrow(
    'localhost is no public address',
  )
  await expect(probe('http://169.254.169.254/a.csv', {}, denied)).rejects.toMatchObject({ code: 'invalid' })
  expect(() => http('ftp://example.org/a.csv')).toThrow()
  expect(() => http('https://user:word@example.org/a.csv')).toThrow('would be stored readable')
  expect(() => http('https://example.org', { secretHeaders: { a: 'TIDEMILL_SECRETS_KEY' } })).toThrow()
})
