import { z } from 'zod'
import type { Route } from '../src/http/route.ts'

interface JsonSchema {
  type?: string | string[]
  enum?: unknown[]
  const?: unknown
  anyOf?: JsonSchema[]
  oneOf?: JsonSchema[]
  items?: JsonSchema
  properties?: Record<string, JsonSchema>
  required?: string[]
  default?: unknown
  description?: string
}

/** The reference of the native REST API, from the list of routes. */
export function restPage(routes: readonly Route[]): string {
  const sections = Map.groupBy(routes, ({ path }) => path.split('/')[1]!)
  const parts = [...sections]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, members]) => {
      return `## ${name}\n\n${members.map(routeSection).join('\n')}`
    })
  return `# REST API

Written by \`node docs/generate.ts\` from the list of routes; \`GET /api/openapi.json\` has the same with the schemas of the answers.

Paths are below \`/api/v1\` (the default project) and \`/p/<project>/api/v1\`. Bodies and answers are JSON; times are milliseconds since the epoch.
Lists answer \`{ "items": […], "nextPageToken"? }\`. Errors are in [errors.md](errors.md). A request that changes something and comes from a browser must be of the same origin.
\`GET /events\` streams what happens as server-sent events.

${parts.join('\n')}`
}

function routeSection({ method, path, summary, permission, query, body }: Route): string {
  const fields = [...fieldsOf(query, 'query'), ...fieldsOf(body, 'body')]
  const table =
    fields.length === 0 ? '' : `\n| field | in | type | |\n| --- | --- | --- | --- |\n${fields.join('\n')}\n`
  return `### \`${method} ${path}\`\n\n${summary}. Permission: \`${permission}\`.\n${table}`
}

function fieldsOf(schema: z.ZodType | undefined, place: string): string[] {
  if (!schema) return []
  const json = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as JsonSchema
  return Object.entries(json.properties ?? {}).map(([name, field]) => {
    const needed = json.required?.includes(name) ? 'required' : ''
    const fallback = field.default === undefined ? '' : `default \`${JSON.stringify(field.default)}\``
    const notes = [needed, fallback, field.description ?? ''].filter((note) => note !== '').join('; ')
    return `| \`${name}\` | ${place} | ${typeOf(field)} | ${notes.replaceAll('|', '\\|')} |`
  })
}

function typeOf(field: JsonSchema): string {
  if (field.enum) return field.enum.map((value) => `\`${JSON.stringify(value)}\``).join(', ')
  if (field.const !== undefined) return `\`${JSON.stringify(field.const)}\``
  const options = field.anyOf ?? field.oneOf
  if (options) return [...new Set(options.map(typeOf))].join(' or ')
  if (field.type === 'array') return `array of ${field.items ? typeOf(field.items) : 'anything'}`
  return String(field.type ?? 'anything')
}
