#!/usr/bin/env node
// The command line of this checkout, from any folder: under the project's own Node, whatever the machine has.
process.env.INIT_CWD = process.cwd()
process.argv.splice(2, 0, 'src/main.ts')
await import('./dev.mjs')
