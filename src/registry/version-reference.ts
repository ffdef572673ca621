import type { ApiClient } from '../http/api-client.ts'
import { AppError } from '../kernel/errors.ts'

/** The version that a person names: `late/3`, `late@champion`, either with `models:/` before it, or `late` for its challenger. */
export async function resolveVersion(
  api: ApiClient,
  text: string,
): Promise<{ model: string; version: number }> {
  const [, model, version, alias] = /^(?:models:\/)?([^/@]+)(?:\/(\d+)|@([\w-]+))?$/.exec(text) ?? []
  if (model === undefined)
    throw new AppError('invalid', `${text} is not of the form model/version or model@alias`)
  if (version !== undefined) return { model, version: Number(version) }
  const { aliases } = await api.get<{ aliases: Record<string, number> }>(
    `/models/${encodeURIComponent(model)}`,
  )
  const wanted = alias ?? 'challenger'
  const found = aliases[wanted]
  if (found !== undefined) return { model, version: found }
  throw new AppError('not_found', `${model} has no version with the alias ${wanted}; name one as ${model}/1`)
}

/** The version that a person names by its number: `late/3`. */
export function parseVersion(named: string): { model: string; version: number } {
  const parsed = /^(.+)\/(\d+)$/.exec(named)
  if (!parsed) throw new AppError('invalid', `${named} is not of the form model/version, such as late/3`)
  return { model: parsed[1]!, version: Number(parsed[2]) }
}
