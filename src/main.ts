import { enableCompileCache, registerHooks } from 'node:module'

const own = new URL('./', import.meta.url).href
const format = import.meta.url.endsWith('.ts') ? 'module-typescript' : 'module'

enableCompileCache()
// Files of this program import each other thousands of times by their exact names: Node need not look at the disk for each, a tenth of a start.
registerHooks({
  resolve(specifier, context, next) {
    const { parentURL } = context
    if (!specifier.startsWith('.') || parentURL?.startsWith(own) !== true) return next(specifier, context)
    return { url: new URL(specifier, parentURL).href, format, shortCircuit: true }
  },
})
const { runCommandLine } = await import('./command-line.ts')
await runCommandLine(process.argv)
