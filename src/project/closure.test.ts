import { readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { init, parse } from 'es-module-lexer'
import { stripTypeScriptTypes } from 'node:module'
import { expect, it } from 'vitest'

const SOURCE = join(import.meta.dirname, '..')

/** What loading a module loads: files of the source tree, and packages. */
async function closure(entry: string): Promise<{ files: Set<string>; packages: Set<string> }> {
  await init()
  const files = new Set<string>()
  const packages = new Set<string>()
  const visit = (path: string): void => {
    if (files.has(relative(SOURCE, path))) return
    files.add(relative(SOURCE, path))
    const [imports] = parse(stripTypeScriptTypes(readFileSync(path, 'utf8')))
    for (const { specifier, type } of imports) {
      if (type !== 'static' || specifier === undefined || specifier === null) continue
      if (specifier.startsWith('.')) visit(join(dirname(path), specifier))
      else if (!specifier.startsWith('node:')) packages.add(specifier)
    }
  }
  visit(entry)
  return { files, packages }
}

it('importing tidemill loads definitions, their schemas and zod, and no store, database, DuckDB or server', async () => {
  const { files, packages } = await closure(join(import.meta.dirname, 'project.ts'))
  expect([...packages]).toEqual(['zod'])
  const heavy =
    /(store|tables|routes|jobs|commands|runner)\.ts$|^(ports|http|server|worker|gateway|jobs|governance)\//
  expect([...files].filter((path) => heavy.test(path))).toEqual([])
  expect(files.size).toBeLessThan(40)
})
