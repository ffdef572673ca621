// Writes the reference pages that follow from the code: node docs/generate.ts. A test holds that they are up to date.
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { createProgram } from '../src/command-line.ts'
import { allRoutes } from '../src/server/server.ts'
import { commandsPage } from './commands.ts'
import { configurationPage } from './configuration.ts'
import { mlflowPage } from './mlflow.ts'
import { restPage } from './rest.ts'

/** Each page by its path below `docs/`. */
export function generatedPages(): Record<string, string> {
  return {
    'reference/commands.md': commandsPage(createProgram()),
    'reference/configuration.md': configurationPage(),
    'reference/mlflow.md': mlflowPage(),
    'reference/rest.md': restPage(allRoutes()),
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [path, text] of Object.entries(generatedPages())) {
    writeFileSync(new URL(path, import.meta.url), text)
    process.stdout.write(`docs/${path}\n`)
  }
}
