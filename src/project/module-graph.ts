import { init, parse } from 'es-module-lexer'
import { readFileSync, statSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { dirname, extname, join, normalize, posix } from 'node:path'
import { AppError, messageOf } from '../kernel/errors.ts'
import { sha256 } from '../kernel/json.ts'

/** A module of the project: its content, and what it imports. */
export interface ProjectModule {
  /** Relative to the project's folder, with `/`. */
  path: string
  sha256: string
  imports: string[]
  /** Names of installed packages, without `tidemill` and Node's own. */
  packages: string[]
}

/** All modules that entries of the project reach by imports, the entries first. */
export async function moduleGraph(
  root: string,
  entries: readonly string[],
): Promise<Map<string, ProjectModule>> {
  await init()
  const found = new Map<string, ProjectModule>()
  const waiting = [...entries]
  for (let path = waiting.shift(); path !== undefined; path = waiting.shift()) {
    if (found.has(path)) continue
    const module = readModule(root, path)
    found.set(path, module)
    waiting.push(...module.imports)
  }
  return found
}

/** The modules that one module reaches, itself included. */
export function closureOf(graph: ReadonlyMap<string, ProjectModule>, path: string): ProjectModule[] {
  const seen = new Map<string, ProjectModule>()
  const visit = (next: string): void => {
    const module = graph.get(next)
    if (!module || seen.has(next)) return
    seen.set(next, module)
    module.imports.forEach(visit)
  }
  visit(path)
  return [...seen.values()]
}

const CODE = new Set(['.ts', '.mts', '.js', '.mjs'])

function readModule(root: string, path: string): ProjectModule {
  const bytes = readFileSync(join(root, path))
  const module: ProjectModule = { path, sha256: sha256(bytes), imports: [], packages: [] }
  if (!CODE.has(extname(path))) return module
  for (const { specifier, line } of importsOf(path, bytes.toString('utf8'))) {
    if (specifier === undefined) {
      throw new AppError(
        'invalid',
        `${path}:${line}: import(…) of a computed path can't be followed; write the path as a string`,
      )
    }
    if (specifier.startsWith('.')) module.imports.push(resolveLocal(root, path, specifier, line))
    else if (specifier.startsWith('#') || specifier.startsWith('/') || specifier.startsWith('file:')) {
      throw new AppError(
        'invalid',
        `${path}:${line}: import '${specifier}' by a path that starts with ./ or ../`,
      )
    } else if (!specifier.startsWith('node:')) module.packages.push(packageOf(specifier))
  }
  module.imports = [...new Set(module.imports)]
  module.packages = [...new Set(module.packages)].filter((name) => name !== 'tidemill').sort()
  return module
}

function importsOf(path: string, source: string): { specifier: string | undefined; line: number }[] {
  const code = /\.m?ts$/.test(path) ? strip(path, source) : source
  let imports: ReturnType<typeof parse>[0]
  try {
    ;[imports] = parse(code, path)
  } catch (error) {
    throw new AppError('invalid', `${path}: ${messageOf(error)}`, { cause: error })
  }
  return imports
    .filter((found) => found.type !== 'import-meta')
    .map((found) => ({
      specifier: found.specifier ?? undefined,
      line: code.slice(0, found.start).split('\n').length,
    }))
}

/** Keeps every line where it was. */
function strip(path: string, source: string): string {
  try {
    return stripTypeScriptTypes(source)
  } catch (error) {
    throw new AppError('invalid', `${path}: ${messageOf(error)}`, { cause: error })
  }
}

function resolveLocal(root: string, from: string, specifier: string, line: number): string {
  const path = posix.normalize(posix.join(posix.dirname(from), specifier))
  const where = `${from}:${line}: '${specifier}'`
  if (path.startsWith('..')) throw new AppError('invalid', `${where} is outside the project’s folder`)
  const isFile = statSync(join(root, path), { throwIfNoEntry: false })?.isFile() ?? false
  if (!isFile)
    throw new AppError('invalid', `${where} does not exist; imports name the whole file, as ./split.ts`)
  return path
}

function packageOf(specifier: string): string {
  const parts = specifier.split('/')
  return specifier.startsWith('@') ? parts.slice(0, 2).join('/') : parts[0]!
}

/** The nearest `package-lock.json` above the project, which fixes what its packages are. */
export function findLock(root: string): string | undefined {
  for (let folder = normalize(root); ; folder = dirname(folder)) {
    const path = join(folder, 'package-lock.json')
    if (statSync(path, { throwIfNoEntry: false })) return path
    if (folder === dirname(folder)) return undefined
  }
}
