import { z } from 'zod'
import { projectDefinitionSchema } from './definition.ts'

/** The published JSON Schema of a project's definitions (draft 2020-12), for programs in any language that write them. */
export function projectJsonSchema(): string {
  const schema = z.toJSONSchema(projectDefinitionSchema, { io: 'input', unrepresentable: 'any' })
  return `${JSON.stringify({ title: 'A Tidemill project', ...schema }, undefined, 2)}\n`
}

/** Written by running this module: `node src/project/json-schema.ts > docs/reference/project.schema.json`. */
if (import.meta.main) process.stdout.write(projectJsonSchema())
