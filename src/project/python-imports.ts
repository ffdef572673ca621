import { readFileSync, statSync } from 'node:fs'
import { join, posix } from 'node:path'

/**
 * The Python files of the project that a script imports, directly or not, the script included. Imports are read
 * from the text, wherever they stand, so that a file may be named too many, but none too few. A module is looked
 * for as Python does: in the script's folder, then in the project's.
 */
export function pythonClosure(root: string, script: string): string[] {
  const seen = new Set<string>()
  const folders = [posix.dirname(script), '.']
  const visit = (path: string): void => {
    if (seen.has(path)) return
    seen.add(path)
    for (const name of importedNames(readFileSync(join(root, path), 'utf8'))) {
      for (const file of filesOf(root, folders, path, name)) visit(file)
    }
  }
  visit(script)
  return [...seen].sort()
}

const NAME = String.raw`[A-Za-z_][\w.]*`
const IMPORT = new RegExp(
  String.raw`^\s*import\s+(${NAME}(?:\s+as\s+\w+)?(?:\s*,\s*${NAME}(?:\s+as\s+\w+)?)*)`,
  'gm',
)
const FROM = new RegExp(String.raw`^\s*from\s+(\.*)\s*(${NAME})?\s+import\s+(\([^)]*\)|[^\n]+)`, 'gm')

function importedNames(source: string): string[] {
  const text = source.replaceAll(/\\\r?\n/g, ' ')
  const names: string[] = []
  for (const [, list] of text.matchAll(IMPORT)) {
    for (const item of list!.split(',')) names.push(item.trim().split(/\s+/)[0]!)
  }
  for (const [, dots = '', module = '', list = ''] of text.matchAll(FROM)) {
    names.push(dots + module)
    for (const item of list.replaceAll(/[()]|#[^\n]*/g, ' ').split(',')) {
      const [name] = item.trim().split(/\s+/)
      if (name && name !== '*') names.push(module === '' ? dots + name : `${dots}${module}.${name}`)
    }
  }
  return names
}

function filesOf(root: string, folders: readonly string[], from: string, name: string): string[] {
  const [, dots = '', rest = ''] = /^(\.*)(.*)$/.exec(name)!
  const parts = rest === '' ? [] : rest.split('.')
  const up =
    dots.length === 0 ? undefined : posix.join(posix.dirname(from), ...Array(dots.length - 1).fill('..'))
  const found: string[] = []
  for (const folder of up === undefined ? folders : [up]) {
    for (let length = 0; length <= parts.length; length++) {
      const path = posix.join(folder, ...parts.slice(0, length))
      if (length > 0 || up !== undefined) found.push(posix.join(path, '__init__.py'))
      if (length > 0) found.push(`${path}.py`)
    }
  }
  return found.filter((path) => !path.startsWith('..') && isFile(join(root, path)))
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false
}
