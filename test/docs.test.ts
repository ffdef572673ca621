import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { commandsBelow, fullName } from '../docs/commands.ts'
import { generatedPages } from '../docs/generate.ts'
import { mlflowEndpoints, patternOf } from '../docs/mlflow.ts'
import { createProgram } from '../src/command-line.ts'
import { EXIT_CODE } from '../src/http/command.ts'
import { STATUS } from '../src/http/errors.ts'
import { configSchema, environmentName } from '../src/kernel/config.ts'
import { feastPaths } from '../src/protocols/feast/feast.ts'
import { addressesOf, endpoints } from '../src/protocols/mlflow/mlflow.ts'
import { allRoutes } from '../src/server/server.ts'

function page(path: string): string {
  return readFileSync(new URL(`../docs/${path}`, import.meta.url), 'utf8')
}

test('The generated pages are as `node docs/generate.ts` writes them', () => {
  for (const [path, text] of Object.entries(generatedPages())) {
    expect(page(path), `${path} is out of date: run node docs/generate.ts`).toBe(text)
  }
})

test('Every command, argument and option is documented, and has a description', () => {
  const text = page('reference/commands.md')
  for (const command of commandsBelow(createProgram())) {
    expect(text).toContain(`## ${fullName(command)}\n`)
    const section = text.split(`## ${fullName(command)}\n`)[1]!.split('\n## ')[0]!
    expect(command.description(), fullName(command)).not.toBe('')
    for (const { description, flags } of command.options) {
      expect(description, `${fullName(command)} ${flags}`).not.toBe('')
      expect(section).toContain(`\`${flags}\``)
    }
    for (const argument of command.registeredArguments) expect(section).toContain(argument.description)
  }
})

test('Every command stands below a heading of `tidemill --help`', () => {
  expect(createProgram().helpInformation()).not.toContain('\nCommands:')
})

test('Every setting is documented with its name in the environment', () => {
  const text = page('reference/configuration.md')
  for (const [key, schema] of Object.entries(configSchema.shape)) {
    expect(schema.description, key).toBeTruthy()
    expect(text).toContain(`| \`${key}\` | \`${environmentName(key)}\` |`)
  }
})

test('Every route is documented, once, with its permission', () => {
  const text = page('reference/rest.md')
  for (const { method, path, summary, permission } of allRoutes()) {
    expect(text.split(`### \`${method} ${path}\`\n`)).toHaveLength(2)
    expect(text).toContain(`### \`${method} ${path}\`\n\n${summary}. Permission: \`${permission}\`.`)
  }
})

test('Every endpoint of MLflow stands in its reference, as working or as refused', () => {
  const rows = page('reference/mlflow.md').matchAll(/^\| `([^`]+)` \| (?:works|refused) \|/gm)
  expect([...rows].map(([, name]) => name)).toEqual(mlflowEndpoints())
  const known = new Set(mlflowEndpoints().map(patternOf))
  for (const item of endpoints)
    for (const method of item.methods) {
      const patterns = addressesOf(item).map((path) => patternOf(`${method} ${path}`))
      expect(
        patterns.some((pattern) => known.has(pattern)),
        `${method} ${item.path}`,
      ).toBe(true)
    }
})

test('Every endpoint of Feast’s feature server stands in its reference', () => {
  const rows = [...page('reference/feast.md').matchAll(/^\| (`POST [^|]+`) +\| (?:works|refused) +\|/gm)]
  const documented = rows.flatMap(([, cell]) => [...cell!.matchAll(/\/[a-z-]+/g)].map(([path]) => path))
  expect(documented.sort()).toEqual(feastPaths().sort())
})

test('Every error code is documented with its status and its exit code', () => {
  const text = page('reference/errors.md').replaceAll(/ +/g, ' ')
  for (const [code, exit] of Object.entries(EXIT_CODE)) {
    expect(text).toContain(`| \`${code}\` | ${STATUS[code as keyof typeof STATUS]} | ${exit} |`)
  }
})
