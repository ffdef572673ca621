import type { Context } from '../src/http/context.ts'

/** A context whose database does some things otherwise, such as telling the time, and the rest as before. */
export function withDatabase<Given extends Pick<Context, 'db'>>(
  context: Given,
  otherwise: Partial<Context['db']>,
): Given {
  const db = new Proxy(context.db, {
    get: (target, key) => {
      if (Object.hasOwn(otherwise, key)) return Reflect.get(otherwise, key) as unknown
      const value: unknown = Reflect.get(target, key, target)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
  return { ...context, db }
}
