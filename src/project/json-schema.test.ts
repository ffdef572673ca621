import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { projectJsonSchema } from './json-schema.ts'

it('the published JSON Schema of a project is current (node src/project/json-schema.ts writes it)', () => {
  const published = readFileSync(
    join(import.meta.dirname, '../../docs/reference/project.schema.json'),
    'utf8',
  )
  expect(JSON.parse(published)).toEqual(JSON.parse(projectJsonSchema()))
})
