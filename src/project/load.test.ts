import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { loadProject } from './load.ts'
import { parseSnapshot } from '../ports/artifacts/code-snapshot.ts'
import { snapshotHash } from './snapshot.ts'

const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

function write(files: Record<string, string>): string {
  const folder = mkdtempSync(join(tmpdir(), 'tidemill-load-'))
  folders.push(folder)
  for (const [path, content] of Object.entries({ 'package.json': '{"type":"module"}', ...files })) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), content)
  }
  return folder
}

const EMPTY = `import { project } from 'tidemill'\nexport default project('empty', {})\n`

describe('loading a project', () => {
  it('says that a folder is not there, or holds no project', async () => {
    const folder = write({ 'notes.txt': 'n' })
    const missing = join(folder, 'nowhere')
    await expect(loadProject(missing)).rejects.toThrow(`There is no folder ${missing}`)
    const file = join(folder, 'notes.txt')
    await expect(loadProject(file)).rejects.toThrow(`There is no folder ${file}`)
    await expect(loadProject(folder)).rejects.toThrow('There is no tidemill.config.ts in')
  })

  it('gives its definitions as JSON and exactly the files that they reach', async () => {
    const folder = write({
      'tidemill.config.ts': `
        import { pipeline, project } from 'tidemill'
        import { fit, count } from './steps/all.ts'
        export default project('sample', { pipelines: [pipeline('p', {}, async () => { fit(); count() })] })`,
      'steps/all.ts': `export { fit } from './fit.ts'\nexport { count } from './count.ts'`,
      'steps/fit.ts': `
        import { Model, py } from 'tidemill'
        export const fit = py('python/fit.py', { out: { model: Model }, env: 'requirements.lock', files: ['notes.txt'] })`,
      'steps/count.ts': `
        import { Json, sh } from 'tidemill'
        import { z } from 'zod'
        export const count = sh('count', { out: { n: Json(z.number()) }, command: 'sh scripts/count.sh > "$OUTPUT_n"' })`,
      'python/fit.py': 'import json\nfrom shared import scale\n',
      'python/shared.py': 'from .other import x\nscale = 1\n',
      'python/other.py': 'x = 1\n',
      'python/unrelated.py': '',
      'requirements.lock': 'numpy==2.0\n',
      'notes.txt': 'n\n',
      'scripts/count.sh': 'echo 1\n',
      'data/large.parquet': 'not code',
    })
    const { definition, files } = await loadProject(folder)
    expect(files).toEqual([
      'notes.txt',
      'package.json',
      'python/fit.py',
      'python/other.py',
      'python/shared.py',
      'requirements.lock',
      'scripts/count.sh',
      'steps/all.ts',
      'steps/count.ts',
      'steps/fit.ts',
      'tidemill.config.ts',
    ])
    const own = definition.pipelines.steps.filter(({ kind }) => kind !== 'built_in')
    expect(own.map(({ id, code }) => [id, Object.keys(code)])).toEqual([
      ['steps/count.ts#count', ['scripts/count.sh']],
      ['steps/fit.ts#fit', ['python/fit.py', 'python/other.py', 'python/shared.py']],
    ])
  })

  it('gives the same snapshot for the same files, wherever they lie', async () => {
    const [one, two] = [
      await loadProject(write({ 'tidemill.config.ts': EMPTY })),
      await loadProject(write({ 'tidemill.config.ts': EMPTY })),
    ]
    expect(snapshotHash(one.snapshot)).toBe(snapshotHash(two.snapshot))
  })

  it.each([
    [
      'an error that its code throws',
      `import { a } from './a.ts'\nexport default a`,
      'export const a = 1\n\nthrow new Error("went wrong")',
      'a.ts:3: went wrong',
    ],
    ['a module that is not there', `import './b.ts'`, '', "tidemill.config.ts:1: './b.ts' does not exist"],
    [
      'an import by a computed path',
      `const x = './a.ts'\nawait import(x)`,
      '',
      "tidemill.config.ts:2: import(…) of a computed path can't be followed",
    ],
    ['a missing default export', `export const x = 1`, '', 'tidemill.config.ts must export a project'],
    [
      'an unknown part',
      `import { project } from 'tidemill'\nexport default project('x', { modles: [] })`,
      '',
      'tidemill.config.ts:2: project(“x”) has no part “modles”',
    ],
    [
      'a step with a wrong name',
      `import './a.ts'`,
      `import { step } from 'tidemill'\nexport const s = step('no good', { out: {}, run: () => ({}) })`,
      "a.ts:2: “no good” can't name a step",
    ],
    ['TypeScript that Node cannot run', `import './a.ts'`, 'enum E { A }', 'a.ts: '],
    ['code that ends the process', `process.exit(7)`, '', 'ended its own loading (exit code 7)'],
  ])('tells of %s, with file and line where there is one', async (_what, config, module, message) => {
    await expect(loadProject(write({ 'tidemill.config.ts': config, 'a.ts': module }))).rejects.toThrow(
      message,
    )
  })

  it('says so when there is no project', async () => {
    await expect(loadProject(write({}))).rejects.toThrow('There is no tidemill.config.ts')
  })
})

it('a snapshot with a path that leaves its folder is refused', () => {
  const file = { base64: '', executable: false }
  for (const path of ['../x', '/etc/x', 'a/../../x', 'a\\..\\x']) {
    expect(() => parseSnapshot({ format: 1, files: { [path]: file } })).toThrow('leaves the folder')
  }
})
