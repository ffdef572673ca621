import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { onlineView, type ServedView } from '../src/features/schema.ts'
import type { Context } from '../src/http/context.ts'
import { makeSnapshot, snapshotBytes } from '../src/project/snapshot.ts'
import type { ProjectFeatures } from '../src/serving/schema.ts'
import { TEST_TIME_MS } from './databases.ts'

const HOUR_MS = 3_600_000

const airports: ServedView = {
  view: 'airport_delays',
  entity: 'airport',
  entityKey: 'origin',
  dataset: 'flights',
  eventTime: 'event_time',
  createdTimestamp: null,
  ttlMs: 6 * HOUR_MS,
  features: [
    { name: 'mean_delay', kind: 'number' },
    { name: 'flights', kind: 'number' },
    { name: 'last', kind: 'timestamp' },
  ],
  definitionHash: 'a'.repeat(64),
}

const carriers: ServedView = {
  ...airports,
  view: 'carriers',
  entity: 'carrier',
  entityKey: 'carrier_id',
  dataset: 'fleet',
  createdTimestamp: 'known_at',
  ttlMs: 1000 * HOUR_MS,
  features: [
    { name: 'name', kind: 'category' },
    { name: 'mean_delay', kind: 'number' },
  ],
  definitionHash: 'b'.repeat(64),
}

const ROUTE =
  'export const route = ({ distance }: { distance: number }) => ({ far: distance > 1000 ? 1 : 0, log: Math.log(distance) })\n'

/** Stores a code snapshot with these files; returns its hash. */
export async function storeCode(
  { artifacts }: Pick<Context, 'artifacts'>,
  sources: Readonly<Record<string, string>>,
): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'tidemill-code-'))
  try {
    for (const [path, text] of Object.entries(sources)) {
      mkdirSync(join(folder, dirname(path)), { recursive: true })
      writeFileSync(join(folder, path), text)
    }
    const snapshot = await makeSnapshot(folder, Object.keys(sources))
    return (await artifacts.put(snapshotBytes(snapshot))).sha256
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** Two views, an on-demand feature and a service, with a few online rows: fresh, null, expired. */
export async function servedFeatures(
  context: Pick<Context, 'artifacts' | 'online'>,
): Promise<ProjectFeatures> {
  const row = (entityKey: string, eventMs: number, values: (number | string | null)[]) => ({
    entityKey,
    values,
    eventMs,
    createdMs: eventMs,
  })
  await context.online.write(onlineView('default', airports), [
    row('ATL', TEST_TIME_MS - HOUR_MS, [3.5, 3, TEST_TIME_MS - HOUR_MS]),
    row('LAX', TEST_TIME_MS - HOUR_MS - 5, [null, 4, TEST_TIME_MS - HOUR_MS]),
    row('JFK', TEST_TIME_MS - 7 * HOUR_MS, [1, 5, null]),
  ])
  await context.online.write(onlineView('default', carriers), [
    row('1', TEST_TIME_MS - HOUR_MS, ['American', 2.25]),
  ])
  return {
    projectId: 'default',
    project: 'default',
    views: [airports, carriers],
    onDemand: [
      {
        name: 'route',
        module: 'features/route.ts',
        export: 'route',
        inputs: [{ name: 'distance', kind: 'number' }],
        outputs: [
          { name: 'far', kind: 'number' },
          { name: 'log', kind: 'number' },
        ],
        budgetMs: 1000,
      },
    ],
    services: [
      {
        name: 'late',
        features: [
          { name: 'far', kind: 'number', from: 'on_demand', source: 'route' },
          { name: 'mean_delay', kind: 'number', from: 'view', source: 'airport_delays' },
          { name: 'name', kind: 'category', from: 'view', source: 'carriers' },
          { name: 'seats', kind: 'number', from: 'request', source: 'request' },
        ],
      },
    ],
    codeSnapshot: await storeCode(context, { 'features/route.ts': ROUTE }),
  }
}
