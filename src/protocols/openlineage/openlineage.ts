import { getReport, reportSubject } from '../../reports/reports.ts'
import { nameOfProject } from '../../governance/governance.ts'
import type { Context } from '../../http/context.ts'
import { validationEvent } from './run-event.ts'

/** A validation report in OpenLineage's words. Throws `not_found`. */
export async function openLineageOf(
  context: Pick<Context, 'db'>,
  { projectId, id }: { projectId: string; id: string },
): Promise<ReturnType<typeof validationEvent>> {
  const report = await getReport(context, { projectId, id })
  const project = await nameOfProject(context, projectId)
  return validationEvent(report, { ...(await reportSubject(context, report)), project })
}
