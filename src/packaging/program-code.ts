import { init, parse } from 'es-module-lexer'
import { readFile } from 'node:fs/promises'
import { stripTypeScriptTypes } from 'node:module'
import { join, posix } from 'node:path'

/** Modules of this program as plain JavaScript, by their path below the source folder, and the packages that they import. */
export interface ProgramCode {
  files: Map<string, string>
  packages: Set<string>
}

/**
 * What entries of this program reach. A name that is imported through a door is taken from the module that has it, so that the rest of a room
 * stays behind. Modules have no effects when they are loaded, or this would change what the program does.
 */
export async function programCode(root: string, entries: readonly string[]): Promise<ProgramCode> {
  await init()
  const modules = new Modules(root)
  const files = new Map<string, string>()
  const packages = new Set<string>()
  const waiting = [...entries]
  for (let path = waiting.shift(); path !== undefined; path = waiting.shift()) {
    if (files.has(toJs(path))) continue
    const { code, reached, named } = await shortened(modules, path)
    files.set(toJs(path), code)
    for (const name of named) packages.add(name)
    waiting.push(...reached)
  }
  return { files: new Map([...files].sort(([a], [b]) => (a < b ? -1 : 1))), packages }
}

type Parsed = ReturnType<typeof parse>
interface Module {
  code: string
  imports: Parsed[0]
  exports: Parsed[1]
}

class Modules {
  readonly #root: string
  readonly #read = new Map<string, Promise<Module>>()

  constructor(root: string) {
    this.#root = root
  }

  get(path: string): Promise<Module> {
    const known = this.#read.get(path)
    if (known !== undefined) return known
    const reading = readModule(this.#root, path)
    this.#read.set(path, reading)
    return reading
  }

  /** Where a name that a module exports comes from, and what it is called there. */
  async origin(path: string, name: string): Promise<{ path: string; name: string }> {
    const { exports } = await this.get(path)
    const passed = exports.find((found) => found.type === 'reexport' && found.name === name)
    if (passed?.type !== 'reexport' || passed.importName === null || !passed.from.startsWith('.'))
      return { path, name }
    return await this.origin(relative(path, passed.from), passed.importName)
  }
}

async function readModule(root: string, path: string): Promise<Module> {
  const source = await readFile(join(root, path), 'utf8')
  const code = path.endsWith('.ts') ? stripTypeScriptTypes(source) : source
  const [imports, exports] = parse(code, path)
  return { code, imports, exports }
}

async function shortened(
  modules: Modules,
  path: string,
): Promise<{ code: string; reached: string[]; named: string[] }> {
  const { code, imports } = await modules.get(path)
  const reached: string[] = []
  const named: string[] = []
  let result = ''
  let at = 0
  for (const found of imports) {
    const specifier = found.type === 'import-meta' ? undefined : found.specifier
    if (specifier == null) continue
    if (!specifier.startsWith('.')) {
      if (!specifier.startsWith('node:')) named.push(packageOf(specifier))
      continue
    }
    const statement = code.slice(found.importStart, found.importEnd)
    const names = found.type === 'static' ? importedNames(statement) : undefined
    const target = relative(path, specifier)
    result += code.slice(at, found.importStart)
    if (names === undefined) {
      result += code.slice(found.importStart, found.start) + quoted(code, found, toJs(specifier))
      result += code.slice(found.end, found.importEnd)
      reached.push(target)
    } else {
      const direct = await directImports(modules, target, names)
      result += [...direct]
        .map(([from, list]) => `import { ${list.join(', ')} } from '${toJs(between(path, from))}'`)
        .join('; ')
      reached.push(...direct.keys())
    }
    at = found.importEnd
  }
  return { code: result + code.slice(at), reached, named }
}

/** The specifier keeps its quotes, which the lexer counts in for imports that are calls. */
function quoted(code: string, { start, end }: { start: number; end: number }, specifier: string): string {
  const first = code[start]
  return first === "'" || first === '"' ? `${first}${specifier}${code[end - 1]}` : specifier
}

/** `import { a, b as c } from …`; undefined for any other form, also `export { … } from …`. */
function importedNames(statement: string): { name: string; as: string }[] | undefined {
  const list = /^import\s*\{([^}]*)\}\s*from\b/.exec(statement)?.[1]
  return list
    ?.split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map((part) => {
      const [name, as] = part.split(/\s+as\s+/)
      return { name: name!, as: as ?? name! }
    })
}

async function directImports(
  modules: Modules,
  target: string,
  names: readonly { name: string; as: string }[],
): Promise<Map<string, string[]>> {
  const direct = new Map<string, string[]>()
  for (const { name, as } of names) {
    const origin = await modules.origin(target, name)
    const list = direct.get(origin.path) ?? []
    list.push(origin.name === as ? as : `${origin.name} as ${as}`)
    direct.set(origin.path, list)
  }
  return direct
}

function relative(from: string, specifier: string): string {
  return posix.normalize(posix.join(posix.dirname(from), specifier))
}

function between(from: string, to: string): string {
  const path = posix.relative(posix.dirname(from), to)
  return path.startsWith('.') ? path : `./${path}`
}

function toJs(path: string): string {
  return path.replace(/\.ts$/, '.js')
}

function packageOf(specifier: string): string {
  const parts = specifier.split('/')
  return specifier.startsWith('@') ? parts.slice(0, 2).join('/') : parts[0]!
}
