import { existsSync, globSync, readFileSync } from 'node:fs'
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
  ['sources', 'search', 'exec'],
  ['expectations', 'privacy'],
  ['summaries', 'prediction-log'],
  ['data', 'tracking', 'model-files'],
  ['reports', 'pushes', 'comparing'],
  ['ingest', 'redaction'],
  ['exploring'],
  ['registry', 'features', 'learners', 'inferring'],
  ['leakage', 'vectors'],
  ['point-in-time'],
  ['materialization'],
  ['promotions'],
  ['cards'],
  ['steps', 'benchmarks', 'webhooks'],
  ['pipelines'],
  ['tuning', 'serving'],
  ['rollout'],
  ['monitoring'],
  ['skew'],
  ['erasure'],
  ['catalogue'],
  ['project'],
  ['protocols', 'importing'],
  ['packaging'],
  ['server', 'worker', 'gateway'],
  ['supervisor'],
  ['demo'],
  ['main'],
]

/** Rooms that are no domain but a set of tools: every file of theirs may be imported. */
const OPEN = new Set(['kernel', 'statistics', 'ports', 'http'])

/** A file of this name may be entered only by these rooms; what is not listed here and no door is closed. */
const ENTRANCES: Readonly<Record<string, readonly string[]>> = {
  'routes.ts': ['server'],
  'consumers.ts': ['server'],
  'jobs.ts': ['worker'],
  'commands.ts': ['main', 'supervisor', 'demo'],
}

/** Every other way into a room, and why it is there. */
const SIDE_DOORS: Readonly<Record<string, string>> = {
  'jobs/events.ts': 'the other half of the room: every room appends and consumes events',
  'jobs/dispatcher.ts': 'the server owns one',
  'jobs/runner.ts': 'the worker owns one',
  'governance/code-version.ts': 'the gateway and a fresh start name it without opening the room',
  'governance/seal.ts': 'a tick of the server',
  'sources/probe.ts': 'ingest looks at sources; the door is loaded for schemas as well',
  'redaction/erase-rows.ts': 'the job of an erasure; the door is loaded for what was redacted',
  'ingest/probe.ts': 'a tick of the server, which reads no source itself',
  'ingest/store-quarantine.ts': 'pages show what is set aside; the door loads how sources are read',
  'serving/serving-engine.ts': 'the gateway owns one',
  'serving/standalone-engine.ts': 'the gateway of a package owns one',
  'privacy/describe.ts': 'the command `data show` prints what is personal without opening the room',
  'registry/version-reference.ts': 'commands of other rooms take the name of a version',
  'project/module-graph.ts': 'packaging follows the modules of on-demand features',
  'registry/import-file.ts': 'the command `deploy` imports a file as `models import` does',
  'project/apply.ts': 'the door for processes: `project.ts` is what users import, and loads definitions only',
  'project/load.ts': 'tests apply a folder without a server',
  'project/open.ts': 'the child process opens a project in its own module graph',
  'project/feature-services.ts': 'the child process resolves services of the project it opened',
  'project/tidemill-import.ts': 'the child process answers `import "tidemill"` with this checkout',
  'supervisor/lock.ts': 'the demo empties its folder only while no `up` holds it',
  'protocols/feast/feast.ts': 'the door of its protocol',
  'protocols/mlflow/mlflow.ts': 'the door of its protocol',
  'protocols/mlflow-scoring/mlflow-scoring.ts': 'the door of its protocol',
  'protocols/oip/oip.ts': 'the door of its protocol',
}

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
/** Text that a file writes for others may hold imports too; those name no file here. */
const imports = files
  .flatMap(importsOf)
  .filter(({ target }) => target.startsWith('src') && existsSync(target))

test('every room stands on the ladder', () => {
  expect(files.length).toBeGreaterThan(300)
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

function mayEnter({ from, target, typeOnly }: Import): boolean {
  const name = room(target)
  if (room(from) === name || OPEN.has(name)) return true
  const file = target.split(sep).at(-1)!
  if (file === 'tables.ts') return typeOnly && from.endsWith('ports/db/schema.ts')
  if ([`${name}.ts`, 'schema.ts', 'definition.ts'].includes(file)) return true
  if (target.split(sep).slice(1).join('/') in SIDE_DOORS) return true
  return ENTRANCES[file]?.includes(room(from)) ?? false
}

test('a room enters another only through its door, its schema or its definition', () => {
  const wrong = imports.filter((each) => !mayEnter(each)).map(({ from, target }) => `${from} → ${target}`)
  expect(wrong).toEqual([])
})

test('every side door is used', () => {
  const entered = new Set(
    imports
      .filter(({ from, target }) => room(from) !== room(target))
      .map(({ target }) => target.split(sep).slice(1).join('/')),
  )
  expect(Object.keys(SIDE_DOORS).filter((path) => !entered.has(path))).toEqual([])
})

test('SQL builders are used in stores, ports and migrations only', () => {
  const builder = /\.(selectFrom|insertInto|updateTable|deleteFrom)\(/
  const wrong = files
    .filter((file) => !/(\/store[a-z-]*\.ts|src\/ports\/)/.test(file))
    .filter((file) => builder.test(readFileSync(file, 'utf8')))
  expect(wrong).toEqual([])
})

test('Kysely is known to stores, tables and ports only', () => {
  const wrong = files
    .filter((file) => !/(\/store[a-z-]*\.ts|\/tables\.ts|src\/ports\/)/.test(file))
    .filter((file) => /from 'kysely'/.test(readFileSync(file, 'utf8')))
  expect(wrong).toEqual([])
})

test('the UI takes nothing from the server but types of its answers', () => {
  const taken = globSync('{ui/src,ui/fixtures}/**/*.{ts,tsx}').flatMap((file) =>
    [...readFileSync(file, 'utf8').matchAll(/(import|export)( type)? \{[^}]*\} from '([./]*\/src\/[^']*)'/g)]
      .map(([, , type, path]) => ({ file, type, path: join(dirname(file), path!) }))
      .filter(({ path }) => path.startsWith('src')),
  )
  expect(taken.length).toBeGreaterThan(5)
  expect(
    taken.filter(
      ({ type, path }) => type === undefined || !/\/(schema|definition|[a-z]+-schema)\.ts$/.test(path),
    ),
  ).toEqual([])
})

test('no file or folder has a name that says nothing', () => {
  const empty = /(^|\/)(utils?|helpers?|common|misc|lib|services|types)(\/|\.tsx?$)/
  expect([...files, ...globSync('ui/src/**/*')].filter((file) => empty.test(file))).toEqual([])
})

test('ARCHITECTURE.md names files that exist, and what they have', () => {
  const text = readFileSync('ARCHITECTURE.md', 'utf8')
  const paths = [...text.matchAll(/`((?:[a-z-]+\/)*[a-z0-9.-]+\.ts)`/g)].map(([, path]) => path!)
  const inRoom = new Set([
    'definition.ts',
    'schema.ts',
    'tables.ts',
    'routes.ts',
    'commands.ts',
    'consumers.ts',
    'jobs.ts',
  ])
  const missing = paths.filter(
    (path) => !inRoom.has(path) && !existsSync(join('src', path)) && !existsSync(path),
  )
  expect(missing).toEqual([])
  const named = [...text.matchAll(/`(\w+)`\s\(`([^`]+\.ts)`\)|\(`(\w+)`, `([^`]+\.ts)`\)/g)]
  const wrong = named
    .map(([, name, path, otherName, otherPath]) => [name ?? otherName!, path ?? otherPath!] as const)
    .filter(([name, path]) => !new RegExp(`\\b${name}\\b`).test(readFileSync(join('src', path), 'utf8')))
  expect(named.length).toBeGreaterThan(30)
  expect(wrong).toEqual([])
})
