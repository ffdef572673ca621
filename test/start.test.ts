import { join } from 'node:path'
import { expect, test } from 'vitest'
import { closure } from './closure.ts'

const SOURCE = join(import.meta.dirname, '../src')

// What a process loads before it does anything is the most of its start, and of its memory while it rests.

test('a command starts with a parser, schemas and the texts of commands; databases and rooms come with what it does', async () => {
  const { files, packages } = await closure(join(SOURCE, 'command-line.ts'))
  expect([...packages].sort()).toEqual(['commander', 'zod'])
  expect(files.size).toBeLessThan(80)
})

test('the server starts without what only some requests need', async () => {
  const { packages } = await closure(join(SOURCE, 'server/server.ts'))
  const context = await closure(join(SOURCE, 'http/open-context.ts'))
  expect([...packages.union(context.packages)].sort()).toEqual([
    '@hono/node-server',
    'commander',
    'croner',
    'es-module-lexer',
    'hono',
    'kysely',
    'pino',
    'zod',
  ])
})
