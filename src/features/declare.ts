import { listDatasets } from '../data/data.ts'
import { audit } from '../governance/governance.ts'
import type { Context } from '../http/context.ts'
import { requirePermission, type Caller } from '../kernel/actor.ts'
import { canonicalJson } from '../kernel/json.ts'
import { aboutOf, aboutOfService, type About } from './about.ts'
import { resolveService, type FeatureDefinitions } from './definition.ts'
import { resolveView } from './view-definition.ts'
import { enqueueMaterialize } from './materialize-request.ts'
import { findView, isRetired, replaceDefinitions, updateNoCurrentViews, upsertCurrentView } from './store.ts'
import type { FeatureDefinitionRow } from './tables.ts'

/**
 * Makes the feature definitions of a project version the project's. Values of a view whose definition is new are
 * computed soon; an earlier definition is kept up to date for the models that use it until `retireViews`.
 * Throws `invalid` when a definition names something that is not there.
 */
export async function declareFeatures(
  { db, clock }: Pick<Context, 'db' | 'clock'>,
  input: Caller & {
    definitions: FeatureDefinitions
    /** The code snapshot with the modules of on-demand features and of views by row functions. */
    snapshot?: string
  },
): Promise<void> {
  const { projectId, actor, definitions, snapshot } = input
  requirePermission(actor, 'maintain', projectId)
  const datasets = (await listDatasets(db.read, projectId)).map(({ definition }) => definition)
  const views = definitions.views.map((view) => resolveView(view, definitions.entities, datasets))
  const services = definitions.services.map((service) => resolveService(service, definitions, datasets))
  const row = (
    kind: FeatureDefinitionRow['kind'],
    definition: { name: string },
    about: About,
  ): FeatureDefinitionRow => ({
    project_id: projectId,
    kind,
    name: definition.name,
    definition_json: canonicalJson(definition),
    about_json: canonicalJson(aboutOf(about)),
    code_snapshot: kind === 'on_demand' ? (snapshot ?? null) : null,
    created_ms: clock.now(),
  })
  await db.write(async (trx) => {
    await replaceDefinitions(trx, projectId, [
      ...definitions.entities.map((each) => row('entity', each, each)),
      ...definitions.views.map((each) => row('view', each, each)),
      ...definitions.onDemand.map((each) => row('on_demand', each, each)),
      ...services.map((each, index) => row('service', each, aboutOfService(definitions.services[index]!))),
    ])
    await updateNoCurrentViews(trx, projectId)
    for (const spec of views) {
      const wasRetired = await isRetired(trx, projectId, spec)
      const known = await findView(trx, projectId, spec.view, spec.definitionHash)
      await upsertCurrentView(trx, {
        project_id: projectId,
        name: spec.view,
        definition_hash: spec.definitionHash,
        spec_json: canonicalJson(spec),
        current: 1,
        retired: 0,
        code_snapshot: spec.row ? (snapshot ?? null) : null,
        created_ms: clock.now(),
      })
      // One that was retired has no values any more.
      if (!known || wasRetired) await enqueueMaterialize(trx, { projectId, spec })
    }
    const names = [...views.map(({ view }) => view), ...services.map(({ name }) => name)]
    await audit(trx, { projectId, actor, action: 'features.declare', subject: 'features', detail: { names } })
  })
}
