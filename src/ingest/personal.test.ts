import { datasetRoutes } from '../../test/real-datasets.ts'
import { createHmac } from 'node:crypto'
import * as fc from 'fast-check'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterEach, expect, it } from 'vitest'
import { describeDatabases, PROJECT_ID, type TestContext } from '../../test/databases.ts'
import { createApp } from '../http/app.ts'
import { localOwner } from '../kernel/actor.ts'
import { notNull } from '../expectations/definition.ts'
import type { PersonalPolicies, PersonalPolicy } from '../privacy/definition.ts'
import { heldKeys } from '../privacy/keys.ts'
import { rotateKey } from '../privacy/privacy.ts'
import { files } from '../sources/definition.ts'
import type { ReadSource } from '../sources/sources.ts'
import { declareDatasets, versionScan } from '../data/data.ts'
import { failingRows } from '../reports/reports.ts'
import { ingest } from './ingest.ts'
import { dataset } from '../data/definition.ts'
import type { DatasetVersion } from '../data/schema.ts'

const folders: string[] = []
afterEach(() => folders.splice(0).forEach((folder) => rmSync(folder, { recursive: true })))

const NOBODY = {
  found: new Map<string, number>(),
  known: 0,
  apply: async (_: unknown, source: ReadSource) => source,
}

const CSV = `id,email,name,phone,born,zip,age,notes
1,ada@example.org,Ada Lovelace,+44 20 7946 0018,1815-12-10,10115,36,first
2,grace@example.org,Grace Hopper,+1 202 555 0143,1906-12-09,01067,85,second
3,grace@example.org,Grace Hopper,+1 202 555 0143,,,,third
`
const POLICIES: PersonalPolicies = {
  email: 'hash',
  name: 'drop',
  phone: 'mask',
  born: { to: 'year' },
  zip: { first: 2 },
  age: { bucket: 10 },
  notes: 'keep',
}

describeDatabases('personal columns', (open) => {
  const arrange = async (personal?: PersonalPolicies, glob = '*') => {
    const context = await open()
    const folder = mkdtempSync(join(tmpdir(), 'tidemill-personal-'))
    folders.push(folder)
    const declare = (policies?: PersonalPolicies, expect = [notNull('id')]): Promise<void> =>
      declareDatasets(context, {
        projectId: PROJECT_ID,
        actor: localOwner,
        directory: folder,
        datasets: [
          dataset('people', { source: files(glob), expect, ...(policies && { personal: policies }) }),
        ],
      })
    await declare(personal)
    const look = () => ingest(context, { projectId: PROJECT_ID, actor: localOwner, dataset: 'people' })
    return {
      context,
      folder,
      declare,
      look,
      write: (name: string, text: string | Buffer) => writeFileSync(join(folder, name), text),
    }
  }
  const created = async (look: ReturnType<typeof ingest>) => {
    const result = await look
    if (result.state !== 'created') throw new Error(JSON.stringify(result))
    return result
  }
  const rowsOf = async (context: TestContext, version: DatasetVersion): Promise<Record<string, unknown>[]> =>
    await context.analytics.query(`SELECT * FROM (${await versionScan(context, version)}) ORDER BY id`)
  const hashOf = (context: TestContext, text: string): string =>
    createHmac('sha256', heldKeys(context.config, PROJECT_ID)[0]!.bytes).update(text).digest('hex')

  it('stores what the policies leave, whatever the format of the file', async () => {
    const { context, write, look } = await arrange(POLICIES)
    write('a.csv', CSV)
    const { version } = await created(look())
    const expected = [
      {
        id: 1,
        email: hashOf(context, 'ada@example.org'),
        phone: '***0018',
        born: 1815,
        zip: '10',
        age: 30,
        notes: 'first',
      },
      {
        id: 2,
        email: hashOf(context, 'grace@example.org'),
        phone: '***0143',
        born: 1906,
        zip: '01',
        age: 80,
        notes: 'second',
      },
      {
        id: 3,
        email: hashOf(context, 'grace@example.org'),
        phone: '***0143',
        born: null,
        zip: null,
        age: null,
        notes: 'third',
      },
    ]
    expect(await rowsOf(context, version)).toEqual(expected)
    const json = expected.map((_, index) => {
      const [, ...cells] = CSV.split('\n')[index + 1]!.split(',')
      const [email, name, phone, born, zip, age, notes] = cells.map((cell) => (cell === '' ? null : cell))
      return { id: index + 11, email, name, phone, born, zip, age: age && Number(age), notes }
    })
    write('b.json', JSON.stringify(json))
    await context.analytics.execute(
      `COPY (SELECT id + 10 AS id, * EXCLUDE (id) FROM read_json('${join(folders.at(-1)!, 'b.json')}')) TO '${join(folders.at(-1)!, 'c.parquet')}'`,
    )
    write('d.csv.gz', gzipSync(CSV.replaceAll(/^([123]),/gm, '3$1,')))
    const all = await rowsOf(context, (await created(look())).version)
    for (const first of [11, 21, 31]) {
      const part = all.filter(({ id }) => Number(id) >= first && Number(id) < first + 3)
      expect(part).toEqual(expected.map((row) => ({ ...row, id: row.id + first - 1 })))
    }
  })

  it('leaves nothing of what it drops, hashes or masks in any file or table', async () => {
    const { context, write, look, declare } = await arrange(POLICIES)
    write('a.csv', CSV)
    await created(look())
    write('b.csv', CSV.replace('3,grace', ',grace'))
    const result = await look()
    expect(result.state).toBe('rejected')
    write('b.csv', `${CSV}4,x,Alan Turing\n`)
    expect((await look()).state).toBe('rejected')
    await declare({ ...POLICIES, born: { to: 'month' } }, [])
    write('b.csv', CSV.replace('1906-12-09', 'Grace Hopper'))
    expect((await look()).state).toBe('rejected')
    const stored = readdirSync(context.config.dataDir, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => readFileSync(join(entry.parentPath, entry.name)))
    const rows = await context.db.read.selectFrom('validation_report').selectAll().execute()
    const texts = [...stored, Buffer.from(JSON.stringify(rows))]
    for (const secret of [
      'ada@',
      'grace@',
      'Hopper',
      'Lovelace',
      'Turing',
      '20 7946',
      '202 555',
      '1815-12',
    ]) {
      expect([secret, texts.some((text) => text.includes(secret))]).toEqual([secret, false])
    }
    expect(statSync(join(context.config.dataDir, 'privacy.key')).mode & 0o777).toBe(0o600)
  })

  it('shows failing rows masked, also of a personal column that is kept', async () => {
    const { context, write, look } = await arrange({ notes: 'keep', email: 'keep' })
    write('a.csv', CSV.replace('2,grace', ',grace'))
    const result = await look()
    if (result.state !== 'rejected') throw new Error(result.state)
    const [row] = await failingRows(context, result.report)
    expect(row!.values).toMatchObject({ email: '***@example.org', notes: 's***', zip: '01067' })
  })

  it('reads files again when a policy changes, and keeps those of an equal one', async () => {
    const { context, write, look, declare } = await arrange({ email: 'hash' })
    write('a.csv', CSV)
    const first = await created(look())
    await declare({ email: 'hash', notes: 'keep', zip: false })
    expect((await look()).state).toBe('unchanged')
    await declare({ email: 'mask' })
    const second = await created(look())
    expect(second.version.contentHash).not.toBe(first.version.contentHash)
    expect((await rowsOf(context, second.version))[0]).toMatchObject({ email: '***@example.org' })
    await declare({})
    const third = await created(look())
    expect((await rowsOf(context, third.version))[0]).toMatchObject({ email: 'ada@example.org' })
  })

  it('hashes anew with a new key only when told so, and refuses a process that has another', async () => {
    const { context, write, look } = await arrange({ email: 'hash' })
    write('a.csv', CSV)
    await created(look())
    const other = {
      ...context,
      config: { ...context.config, privacyKey: Buffer.alloc(32, 7).toString('base64') },
    }
    const lookWith = (at: typeof other) =>
      ingest(at, { projectId: PROJECT_ID, actor: localOwner, dataset: 'people' })
    await expect(lookWith(other)).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('TIDEMILL_PRIVACY_KEY'),
    })
    const rotated = await rotateKey(other, { projectId: PROJECT_ID, actor: localOwner })
    expect(rotated.before).toBe(heldKeys(context.config, PROJECT_ID)[0]!.id)
    await expect(look()).rejects.toMatchObject({ code: 'unavailable' })
    const { version } = await created(lookWith(other))
    expect((await rowsOf(context, version))[0]!['email']).toBe(hashOf(other, 'ada@example.org'))
  })

  it('warns of a column that looks personal until the dataset says what to do with it', async () => {
    const { context, write, look, declare } = await arrange()
    write('a.csv', CSV)
    const { report, version } = await created(look())
    expect(report.verdict).toBe('warned')
    expect(report.results.filter(({ check }) => check === 'personal').map(({ message }) => message)).toEqual([
      'personal data in column email: say in the dataset what to do with it (the name email says so; 2 of 2 distinct values have the form of an e-mail address)',
      'personal data in column phone: say in the dataset what to do with it (the name phone says so; 2 of 2 distinct values have the form of 7 to 15 digits)',
      'personal data in column name: say in the dataset what to do with it (the name name says so; 2 of 2 distinct values have the form of a name of a person, beside other columns about people)',
    ])
    const app = createApp({
      context,
      routes: datasetRoutes,
      authenticate: async () => localOwner,
      resolveProject: async () => PROJECT_ID,
    })
    const shown = async (number: number) =>
      (await (await app.request(`/api/v1/datasets/people/versions/${number}`)).json()) as Record<
        string,
        unknown
      >
    expect((await shown(version.number))['personal']).toContainEqual(
      expect.objectContaining({
        column: 'email',
        kind: 'email',
        policy: null,
        examples: ['***@example.org', '***@example.org'],
      }),
    )
    await declare({ email: 'hash', name: 'drop', phone: false, notes: 'keep' })
    const quiet = await created(look())
    expect(quiet.report.verdict).toBe('passed')
    const after = await shown(quiet.version.number)
    expect(after['personal']).toContainEqual(
      expect.objectContaining({ column: 'email', policy: 'hash', kind: null }),
    )
    const summary = after['summary'] as { columns: { name: string; top: { value: string }[] }[] }
    expect(summary.columns.find(({ name }) => name === 'notes')!.top.map(({ value }) => value)).toEqual([
      'f***',
      's***',
      't***',
    ])
  })

  it('refuses policies that name no column or leave no time', async () => {
    const { write, look } = await arrange({ emial: 'drop' })
    write('a.csv', CSV)
    const result = await look()
    expect(result).toMatchObject({ state: 'rejected' })
    if (result.state === 'rejected')
      expect(result.report.sentence).toContain('the personal column emial is missing')
    expect(() => dataset('x', { source: files('*'), time: 'at', personal: { at: 'hash' } })).toThrow(
      'the time column must stay',
    )
  })
})

it('treats a value of a request as the same value of a file', async () => {
  const { openDuckDb } = await import('../ports/analytics/duckdb.ts')
  const { protectionOf, valueTreatment } = await import('../privacy/privacy.ts')
  await using analytics = openDuckDb({ memoryLimit: '500MB' })
  await using session = await analytics.session({ threads: 1 })
  const key = { id: 'k', bytes: Buffer.alloc(32, 5) }
  const dates = fc.date({ min: new Date('1800-01-01'), max: new Date('2100-01-01'), noInvalidDate: true })
  const cases: [PersonalPolicy, fc.Arbitrary<string | number>][] = [
    ['hash', fc.integer()],
    ['mask', fc.stringMatching(/^[\p{L}0-9 @.]{0,20}$/u)],
    [
      { first: 3 },
      fc.string({ unit: 'binary' }).filter((text) => text.isWellFormed() && !text.includes('\0')),
    ],
    [{ bucket: 10 }, fc.integer({ min: -1_000_000, max: 1_000_000 })],
    [{ bucket: 0.5 }, fc.double({ min: -1e6, max: 1e6, noNaN: true })],
    [{ to: 'year' }, dates.map((date) => date.toISOString())],
    [{ to: 'year' }, dates.map((date) => date.toISOString().slice(0, 10))],
  ]
  for (const [policy, values] of cases) {
    const { columns, prepare } = protectionOf({ v: policy }, key, NOBODY)
    await prepare(session)
    const { stored, asText } = columns.get('v')!
    await fc.assert(
      fc.asyncProperty(values, async (value) => {
        const given = asText ? 'CAST(v AS VARCHAR)' : 'v'
        const [row] = await session.query(`SELECT ${stored!.of(given)} AS stored FROM (SELECT $1 AS v)`, [
          value,
        ])
        expect(valueTreatment(policy, key)!(value)).toEqual(row!['stored'])
      }),
      { numRuns: 40 },
    )
  }
})

it('hashes in SQL as node:crypto does, and masks as in JavaScript', async () => {
  const { openDuckDb } = await import('../ports/analytics/duckdb.ts')
  const { hmacSql, setHmacKey } = await import('../privacy/hmac.ts')
  const { maskSql, maskValue } = await import('../privacy/mask.ts')
  await using analytics = openDuckDb({ memoryLimit: '500MB' })
  await using session = await analytics.session({ threads: 1 })
  const text = fc
    .oneof(fc.string({ unit: 'grapheme' }), fc.emailAddress(), fc.stringMatching(/^[0-9 +()-]{0,20}$/))
    .filter((value) => !value.includes('\0') && value.isWellFormed())
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ minLength: 1, maxLength: 64 }),
      fc.array(text, { minLength: 1, maxLength: 20 }),
      async (key, values) => {
        await setHmacKey(session, key)
        const rows = await session.query(
          `SELECT ${hmacSql('v')} AS hash, ${maskSql('v')} AS mask FROM (${values.map((_, at) => `SELECT $${at + 1} AS v`).join(' UNION ALL ')})`,
          values,
        )
        expect(rows).toEqual(
          values.map((value) => ({
            hash: createHmac('sha256', key).update(value).digest('hex'),
            mask: maskValue(value),
          })),
        )
      },
    ),
    { numRuns: 60 },
  )
})
