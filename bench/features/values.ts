import type { ServedView } from '../../src/features/schema.ts'
import type { OnlineWrite } from '../../src/ports/online/online.ts'

export const VIEWS = 5
export const FEATURES = 10

/** The same in feast_repo.py. */
function valueOf(key: number, view: number, feature: number): number {
  return ((key * 31 + view * 17 + feature * 7) % 10_007) / 8
}

export const views: readonly ServedView[] = Array.from({ length: VIEWS }, (_, view) => ({
  view: `v${view}`,
  entity: 'customer',
  entityKey: 'customer',
  dataset: 'customers',
  eventTime: 'event_timestamp',
  createdTimestamp: null,
  ttlMs: 3650 * 86_400_000,
  features: Array.from({ length: FEATURES }, (_, feature) => ({
    name: `v${view}_f${feature}`,
    kind: 'number' as const,
  })),
  definitionHash: String(view).repeat(64),
}))

export const featureNames = views.flatMap(({ view, features }) =>
  features.map(({ name }) => `${view}:${name}`),
)

/** The rows of one view, in pieces. */
export async function* rowsOf(view: number, entities: number, eventMs: number): AsyncIterable<OnlineWrite[]> {
  const PIECE = 2_000
  for (let start = 0; start < entities; start += PIECE) {
    yield Array.from({ length: Math.min(PIECE, entities - start) }, (_, i) => ({
      entityKey: String(start + i),
      eventMs,
      createdMs: eventMs,
      values: Array.from({ length: FEATURES }, (_, feature) => valueOf(start + i, view, feature)),
    }))
  }
}
