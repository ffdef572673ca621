import { globSync, readFileSync } from 'node:fs'
import { dirname, join, normalize, sep } from 'node:path'
import { expect, test } from 'vitest'

/** Lowest first. A room imports only rooms of lower steps, and only their doors. */
const LADDER: readonly (readonly string[])[] = [
  ['kernel'],
  ['statistics'],
  ['ports'],
  ['http'],
  ['jobs'],
  ['governance'],
  ['data', 'tracking'],
  ['registry', 'features', 'learners'],
  ['pipelines'],
  ['tuning', 'serving'],
  ['rollout'],
  ['monitoring'],
  ['project'],
  ['protocols'],
  ['server', 'worker', 'gateway'],
  ['supervisor'],
  ['demo'],
  ['main'],
]

/** Rooms whose files are no domain: every file of theirs may be imported. */
const OPEN = new Set(['kernel', 'statistics', 'ports', 'http', 'jobs', 'governance', 'protocols'])
/** The door of `project` is what users import; the processes below take its files by name. */
const COMPOSED = new Set(['project'])
const DOOR_FILES = new Set([
  'child.ts',
  'schema.ts',
  'definition.ts',
  'routes.ts',
  'commands.ts',
  'jobs.ts',
  'tables.ts',
])

interface Import {
  from: string
  target: string
  typeOnly: boolean
}

function room(file: string): string {
  const parts = file.split(sep)
  return parts.length === 2 ? 'main' : parts[1]!
}

function step(name: string): number {
  return LADDER.findIndex((rooms) => rooms.includes(name))
}

function importsOf(file: string): Import[] {
  const text = readFileSync(file, 'utf8')
  const found = text.matchAll(
    /(?:^|\n)\s*(import|export)(\s+type)?\s[^;'"]*?from\s+'(\.[^']+)'|import\('(\.[^']+)'\)/g,
  )
  return [...found].map(([, , type, fixed, dynamic]) => ({
    from: file,
    target: normalize(join(dirname(file), (fixed ?? dynamic)!)),
    typeOnly: type !== undefined,
  }))
}

const files = globSync('src/**/*.ts').filter((file) => !file.endsWith('.test.ts'))
const imports = files.flatMap(importsOf).filter(({ target }) => target.startsWith('src'))

test('every room stands on the ladder', () => {
  expect([...new Set(files.map(room))].filter((name) => step(name) < 0)).toEqual([])
})

test('a room imports only rooms below it', () => {
  const wrong = imports
    .filter(({ from, target, typeOnly }) => {
      if (room(from) === room(target)) return false
      const schemaOfTables = from.endsWith('ports/db/schema.ts') && typeOnly && target.endsWith('tables.ts')
      return !schemaOfTables && step(room(target)) >= step(room(from))
    })
    .map(({ from, target }) => `${from} → ${target}`)
  expect(wrong).toEqual([])
})

test('a room enters another only through its door, its schema or its definition', () => {
  const wrong = imports
    .filter(({ from, target }) => {
      const name = room(target)
      if (room(from) === name || OPEN.has(name) || COMPOSED.has(name) || from.endsWith('ports/db/schema.ts'))
        return false
      const file = target.split(sep).at(-1)!
      return file !== `${name}.ts` && !DOOR_FILES.has(file)
    })
    .map(({ from, target }) => `${from} → ${target}`)
  expect(wrong).toEqual([])
})

test('SQL builders are used in stores, ports and migrations only', () => {
  const builder = /\.(selectFrom|insertInto|updateTable|deleteFrom)\(/
  const wrong = files
    .filter((file) => !/(\/store[a-z-]*\.ts|src\/ports\/)/.test(file))
    .filter((file) => builder.test(readFileSync(file, 'utf8')))
  expect(wrong).toEqual([])
})

test('no file or folder has a name that says nothing', () => {
  const empty = /(^|\/)(utils?|helpers?|common|misc|lib|services|types)(\/|\.tsx?$)/
  expect([...files, ...globSync('ui/src/**/*')].filter((file) => empty.test(file))).toEqual([])
})
