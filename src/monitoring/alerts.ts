import type { Context } from '../http/context.ts'
import type { Alert } from './schema.ts'
import { listAlerts } from './store.ts'

export async function listOpenAlerts(
  { db }: Pick<Context, 'db'>,
  { projectId, deployment }: { projectId: string; deployment?: string },
): Promise<Alert[]> {
  return listAlerts(db.read, { projectId, deployment, state: 'open', limit: 500 })
}

/** The alert that forbids training on what a deployment sees now, if there is one. */
export async function findBlockingAlert(
  context: Pick<Context, 'db'>,
  key: { projectId: string; deployment?: string },
): Promise<Alert | undefined> {
  return (await listOpenAlerts(context, key)).find(({ blocksTraining }) => blocksTraining)
}
