import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
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

async function storeCode({ artifacts }: Pick<Context, 'artifacts'>): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'tidemill-code-'))
  try {
    mkdirSync(join(folder, 'features'))
    writeFileSync(
      join(folder, 'features', 'route.ts'),
      'export const route = ({ distance }: { distance: number }) => ({ far: distance > 1000 ? 1 : 0, log: Math.log(distance) })\n',
    )
    const snapshot = await makeSnapshot(folder, ['features/route.ts'])
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
    codeSnapshot: await storeCode(context),
  }
}
