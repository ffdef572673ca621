import { hashJson } from '../kernel/json.ts'
import { sum } from '../kernel/sum.ts'
import type { Column } from '../sources/schema.ts'
import type { DatasetVersion, Manifest, Part } from './schema.ts'

/** The order of the parts in a manifest. */
export function byTime(a: Part, b: Part): number {
  return (a.minTimeMs ?? 0) - (b.minTimeMs ?? 0) || (a.sha256 < b.sha256 ? -1 : Number(a.sha256 > b.sha256))
}

/** What follows of the parts of a version, in the order of its manifest. */
export function factsOfParts(
  schema: readonly Column[],
  parts: readonly Part[],
): Pick<DatasetVersion, 'contentHash' | 'rows' | 'sizeBytes' | 'minTimeMs' | 'maxTimeMs'> {
  return {
    contentHash: hashJson({ schema, parts: parts.map(({ sha256 }) => sha256) }),
    sizeBytes: sum(parts.map(({ sizeBytes }) => sizeBytes)),
    ...extentOfParts(parts),
  }
}

/** How many rows parts have together, and from when to when they reach. */
export function extentOfParts(
  parts: readonly Part[],
): Pick<DatasetVersion, 'rows' | 'minTimeMs' | 'maxTimeMs'> {
  const times = parts.flatMap(({ minTimeMs, maxTimeMs }) =>
    minTimeMs === null || maxTimeMs === null ? [] : [minTimeMs, maxTimeMs],
  )
  return {
    rows: sum(parts.map(({ rows }) => rows)),
    minTimeMs: times.length === 0 ? null : times.reduce((a, b) => Math.min(a, b)),
    maxTimeMs: times.length === 0 ? null : times.reduce((a, b) => Math.max(a, b)),
  }
}

/** Parts that others do not have, and those that they have; equal parts count as often as they stand there. */
export function partsOnlyIn(
  parts: readonly Part[],
  others: readonly Part[],
): { only: Part[]; shared: Part[] } {
  const left = new Map<string, number>()
  for (const { sha256 } of others) left.set(sha256, (left.get(sha256) ?? 0) + 1)
  const only: Part[] = []
  const shared: Part[] = []
  for (const part of parts) {
    const count = left.get(part.sha256) ?? 0
    left.set(part.sha256, count - 1)
    if (count > 0) shared.push(part)
    else only.push(part)
  }
  return { only, shared }
}

/** The parts of a version, but for those that were merged from parts of `before` these themselves. */
export function unmergeParts(
  { parts, merged = [] }: Pick<Manifest, 'parts' | 'merged'>,
  before: readonly Part[],
): Part[] {
  const known = new Map(before.map((part) => [part.sha256, part]))
  const madeOf = new Map(merged.map((each) => [each.sha256, each.parts]))
  return parts.flatMap((part) => {
    const earlier = madeOf.get(part.sha256)?.map((sha256) => known.get(sha256))
    return earlier?.every((each) => each !== undefined) ? earlier : [part]
  })
}
