import { registerHooks } from 'node:module'

/**
 * Lets a project import `tidemill` and `zod` wherever it lies: `tidemill` is always this very program, so that
 * definitions and the program that reads them can't be of two versions; `zod` is the project's own where it has one.
 */
export function provideTidemill(): void {
  const extension = import.meta.url.endsWith('.ts') ? '.ts' : '.js'
  const door = new URL(`./project${extension}`, import.meta.url).href
  registerHooks({
    resolve(specifier, context, next) {
      if (specifier === 'tidemill') return { url: door, shortCircuit: true }
      if (specifier !== 'zod') return next(specifier, context)
      try {
        return next(specifier, context)
      } catch {
        return next(specifier, { ...context, parentURL: import.meta.url })
      }
    },
  })
}
