import { z } from 'zod'
import { codeVersion } from '../governance/code-version.ts'
import type { Route } from '../http/route.ts'

type JsonSchema = Record<string, unknown>

/** The OpenAPI 3.1 document of the native REST API, from the list of routes. */
export function openApiDocument(routes: readonly Route[]): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {}
  const shared = new SharedSchemas()
  for (const route of routes) {
    const path = `/api/v1${route.path.replaceAll(/:([A-Za-z0-9]+)/g, '{$1}')}`
    paths[path] ??= {}
    paths[path][route.method.toLowerCase()] = operation(route, shared)
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Tidemill', version: codeVersion },
    paths,
    components: {
      schemas: {
        ...shared.schemas,
        Error: {
          type: 'object',
          required: ['error'],
          properties: {
            error: {
              type: 'object',
              required: ['code', 'message'],
              properties: {
                code: { type: 'string' },
                message: { type: 'string' },
                details: { type: 'object' },
              },
            },
          },
        },
      },
    },
  }
}

function operation(route: Route, shared: SharedSchemas): Record<string, unknown> {
  return {
    summary: route.summary,
    operationId: `${route.method.toLowerCase()}${route.path.replaceAll(/[^A-Za-z]+(.)?/g, (_, next: string) => (next ?? '').toUpperCase())}`,
    'x-permission': route.permission,
    parameters: [...parameters(route, 'path', shared), ...parameters(route, 'query', shared)],
    ...(route.body && {
      requestBody: { required: true, content: { 'application/json': { schema: shared.of(route.body) } } },
    }),
    responses: {
      200: { description: 'Done', content: { [route.contentType]: { schema: shared.of(route.response) } } },
      default: {
        description: 'Refused; the message says what would be right',
        content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
      },
    },
  }
}

function parameters(route: Route, where: 'path' | 'query', shared: SharedSchemas): unknown[] {
  const declared = where === 'path' ? route.params : route.query
  if (!declared) return []
  const { properties = {}, required = [] } = shared.of(declared) as {
    properties?: Record<string, JsonSchema>
    required?: string[]
  }
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    in: where,
    required: where === 'path' || required.includes(name),
    schema,
  }))
}

/** Schemas that refer to themselves stand once, among the components, where a reference finds them. */
class SharedSchemas {
  readonly #names = new Map<string, string>()
  readonly schemas: Record<string, JsonSchema> = {}

  of(type: z.ZodType): JsonSchema {
    const {
      $schema: _,
      $defs = {},
      ...schema
    } = z.toJSONSchema(type, {
      io: 'input',
      unrepresentable: 'any',
      override: withoutPrefixItems,
    }) as JsonSchema & {
      $defs?: Record<string, JsonSchema>
    }
    const names = new Map(
      Object.entries($defs).map(([local, definition]) => [local, this.#nameOf(definition)]),
    )
    for (const [local, definition] of Object.entries($defs))
      this.schemas[names.get(local)!] ??= withReferences(definition, names)
    return withReferences(schema, names)
  }

  #nameOf(definition: JsonSchema): string {
    const text = JSON.stringify(definition)
    const name = this.#names.get(text) ?? `Shared${this.#names.size + 1}`
    this.#names.set(text, name)
    return name
  }
}

/** Readers of OpenAPI rarely know `prefixItems`: a tuple is described as an array of its length, of any of its members. */
function withoutPrefixItems({ jsonSchema }: { jsonSchema: JsonSchema }): void {
  const { prefixItems } = jsonSchema
  if (!Array.isArray(prefixItems)) return
  delete jsonSchema['prefixItems']
  jsonSchema['items'] = { anyOf: prefixItems }
}

function withReferences(schema: JsonSchema, names: ReadonlyMap<string, string>): JsonSchema {
  if (names.size === 0) return schema
  const text = JSON.stringify(schema, (key, value: unknown) =>
    key === '$ref' && typeof value === 'string'
      ? value.replace(/^#\/\$defs\/(.*)$/, (_, local: string) => `#/components/schemas/${names.get(local)!}`)
      : value,
  )
  return JSON.parse(text) as JsonSchema
}
