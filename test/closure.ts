import { readFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { init, parse } from 'es-module-lexer'

const SOURCE = join(import.meta.dirname, '../src')

/** What loading a module loads: files of the source tree, and packages. */
export async function closure(entry: string): Promise<{ files: Set<string>; packages: Set<string> }> {
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
