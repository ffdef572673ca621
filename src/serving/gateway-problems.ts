import type { Context } from '../http/context.ts'
import { listGateways } from './store.ts'

/** A gateway that has said nothing for so long is gone, with what it could not load. */
const HEARD_WITHIN_MS = 60_000

export interface GatewayProblem {
  gateway: string
  deployment: string
  sentence: string
  sinceMs: number
}

/** What the gateways that are there could not load of a project, as they said last. */
export async function listGatewayProblems(
  { db }: Pick<Context, 'db'>,
  { project }: { project: string },
): Promise<GatewayProblem[]> {
  const [gateways, nowMs] = await Promise.all([listGateways(db.read), db.wallTime()])
  return gateways
    .filter(({ heartbeat_ms: heardMs }) => heardMs > nowMs - HEARD_WITHIN_MS)
    .flatMap(({ gateway_id: gateway, problems_json: problems, heartbeat_ms: sinceMs }) =>
      Object.entries(JSON.parse(problems) as Record<string, string>)
        .filter(([key]) => key.startsWith(`${project}/`))
        .map(([key, message]) => {
          const [, deployment = '', version] = key.split('/')
          const what = version === undefined ? deployment : `version ${version} of ${deployment}`
          return { gateway, deployment, sentence: `The gateway can't serve ${what}. ${message}`, sinceMs }
        }),
    )
}
