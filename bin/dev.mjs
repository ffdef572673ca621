// Runs a tool of this checkout under the project's own Node, after installing what is missing.
// Plain JavaScript for Node 20: it is what a fresh machine has when it runs `npm run demo` or `npm test`.
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const modules = join(root, 'node_modules')
const node = join(modules, 'node', 'bin', 'node')

function run(command, args, options = {}) {
  const { status, signal } = spawnSync(command, args, { stdio: 'inherit', cwd: root, ...options })
  if (signal) process.kill(process.pid, signal)
  return status ?? 1
}

function install() {
  const stamp = join(modules, '.tidemill-installed')
  const lock = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex')
  if (existsSync(node) && existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return
  process.stderr.write('Installing dependencies (once, about a minute) …\n')
  // Not `npm ci`: it refuses a lockfile that lacks optional binaries of platforms other than the one it was made on.
  const status = run('npm', ['install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error'])
  if (status !== 0) process.exit(status)
  writeFileSync(stamp, lock)
}

function newest(directory) {
  let time = 0
  for (const entry of readdirSync(directory, { recursive: true })) {
    time = Math.max(time, statSync(join(directory, entry)).mtimeMs)
  }
  return time
}

function buildUi() {
  const index = join(root, 'ui', 'dist', 'index.html')
  if (existsSync(index) && statSync(index).mtimeMs >= newest(join(root, 'ui', 'src'))) return
  process.stderr.write('Building the web UI …\n')
  const status = run(node, [join(modules, 'vite', 'bin', 'vite.js'), 'build', 'ui', '--logLevel', 'warn'])
  if (status !== 0) process.exit(status)
}

/** The script behind a tool's name, so that it runs under the project's Node and not the host's. */
function scriptOf(tool) {
  if (/\.(ts|mjs|js)$/.test(tool)) return join(root, tool)
  const manifest = JSON.parse(readFileSync(join(modules, packageOf(tool), 'package.json'), 'utf8'))
  const bin = typeof manifest.bin === 'string' ? manifest.bin : manifest.bin[tool]
  return join(modules, packageOf(tool), bin)
}

function packageOf(tool) {
  return { tsc: 'typescript' }[tool] ?? tool
}

const [tool, ...args] = process.argv.slice(2)
install()
if (tool === 'src/main.ts' || tool === 'test/e2e/run.ts') buildUi()
// As the supervisor starts a server (src/supervisor/node-flags.ts).
const isServer = tool === 'src/main.ts' && args[0] === 'server'
const flags = isServer ? ['--max-semi-space-size=4'] : []
const env = {
  ...(isServer && { MALLOC_ARENA_MAX: '2' }),
  // With it from the start, Node need not load its compiler of TypeScript.
  NODE_COMPILE_CACHE: join(tmpdir(), 'node-compile-cache'),
  ...process.env,
  PATH: `${join(modules, 'node', 'bin')}:${process.env.PATH}`,
}
const child = spawn(node, ['--disable-warning=ExperimentalWarning', ...flags, scriptOf(tool), ...args], {
  stdio: 'inherit',
  env,
  cwd: process.env.INIT_CWD && tool === 'src/main.ts' ? process.env.INIT_CWD : root,
})
// Ctrl-C reaches the tool by itself; what is sent to this process alone is handed on.
process.on('SIGINT', () => {})
for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
child.on('exit', (code, signal) => {
  if (signal === null) process.exit(code)
  process.removeAllListeners(signal)
  process.kill(process.pid, signal)
})
