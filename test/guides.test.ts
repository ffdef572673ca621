import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { loadProject } from '../src/project/load.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const NAMED = /^```(?:ts|py)\n(?:\/\/|#) ([\w./-]+\.(?:ts|py))\b[^\n]*\n(.*?)^```/gms

/** The files that a guide shows, by the path in their first line. */
function filesOf(guide: string): Record<string, string> {
  const text = readFileSync(join(ROOT, guide), 'utf8')
  return Object.fromEntries([...text.matchAll(NAMED)].map(([, path, content]) => [path!, content!]))
}

interface Guide {
  guide: string
  files: Record<string, string>
}

const guides: Guide[] = globSync('docs/guides/*.md', { cwd: ROOT })
  .map((guide) => ({ guide, files: filesOf(guide) }))
  .filter(({ files }) => 'tidemill.config.ts' in files)

test('The guides that show whole projects are known', () => {
  expect(guides.map(({ guide }) => guide.replace('docs/guides/', '')).sort()).toEqual([
    'check-data.md',
    'erase-a-person.md',
    'serve-features-to-feast.md',
    'write-a-pipeline.md',
  ])
})

test.each<Guide>(guides)('The project of $guide loads as it stands there', async ({ files }) => {
  const folder = mkdtempSync(join(tmpdir(), 'tidemill-guide-'))
  for (const [path, content] of Object.entries({
    ...files,
    'package.json': '{"type":"module"}',
    'requirements.lock': '',
  })) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), content)
  }
  const { definition, snapshot } = await loadProject(folder)
  expect(definition.data.datasets).toHaveLength(1)
  const shown = Object.keys(files).filter((path) => path !== 'tidemill.config.ts')
  expect(Object.keys(snapshot.files)).toEqual(expect.arrayContaining(shown))
  rmSync(folder, { recursive: true, force: true })
})
