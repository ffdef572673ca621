import { z } from 'zod'
import type { Context } from '../http/context.ts'
import type { Caller } from '../kernel/actor.ts'
import type { Filter } from '../search/search.ts'
import { CHAMPION } from './alias-names.ts'
import { countDays } from './gates.ts'
import { getEvaluation } from './evaluations.ts'
import { gatesOfModel, getModel, searchModels } from './models.ts'
import type { Estimate, GateResult, GateView, ModelVersion, StoredEvaluation } from './schema.ts'
import { listProtections } from './protection.ts'
import { listEvaluationsOf, listGateReportsOf } from './store-evaluations.ts'
import { listAliases, summarizeVersions } from './store.ts'
import { getModelVersion, listModelVersions } from './versions.ts'
import type { Metrics, ModelDetail, ModelItem, VersionDetail } from './view-schema.ts'

type Reads = Pick<Context, 'db'>

export async function modelItems(
  context: Reads,
  { owner, ...input }: Caller & { owner?: string | undefined; limit: number; pageToken?: string | undefined },
): Promise<{ items: ModelItem[]; nextPageToken?: string }> {
  const { models, ...next } = await searchModels(context, { ...input, filter: ownedBy(owner), orderBy: [] })
  const known = await summarizeVersions(
    context.db.read,
    models.map(({ id }) => id),
  )
  const items = models.map((model) => {
    const champion = model.aliases.find(({ alias }) => alias === CHAMPION)?.version ?? null
    return { ...model, champion, ...(known.get(model.id) ?? { versions: 0, latest: null }) }
  })
  return { items, ...next }
}

function ownedBy(owner: string | undefined): Filter {
  if (owner === undefined) return { and: [] }
  return { field: 'attribute', key: 'owner', operator: '=', value: owner }
}

export async function modelDetail(context: Reads, input: Caller & { name: string }): Promise<ModelDetail> {
  const { aliases, ...model } = await getModel(context, input)
  const versions: ModelDetail['versions'] = []
  for (const version of await listModelVersions(context, { ...input, model: input.name, limit: 200 })) {
    const [report] = await listGateReportsOf(context.db.read, version.id, 1)
    const own = candidateOf(await listEvaluationsOf(context.db.read, version.id, 5), version)
    versions.push({
      ...version,
      verdict: report?.verdict ?? null,
      ...(report && { sentence: report.sentence }),
      metrics: boundsOf(own?.metrics ?? {}),
      injected: report?.injected ?? false,
    })
  }
  return {
    ...model,
    aliases: Object.fromEntries(aliases.map(({ alias, version }) => [alias, version])),
    pointed: (await listAliases(context.db.read, [model.id])).map((row) => ({
      alias: row.alias,
      version: row.version,
      setBy: row.set_by,
      setMs: row.updated_ms,
      promotionId: row.promotion_id,
    })),
    protections: await listProtections(context.db.read, model.id),
    gates: await gatesOfModel(context, { projectId: input.projectId, model: input.name }),
    versions,
  }
}

function candidateOf(evaluations: readonly StoredEvaluation[], { id }: ModelVersion) {
  return evaluations
    .flatMap(({ subjects }) => subjects)
    .find((subject) => subject.role === 'candidate' && subject.modelVersionId === id)
}

function boundsOf(metrics: Readonly<Record<string, Estimate>>): Metrics {
  const bounds = Object.entries(metrics).map(([name, { estimate, ...interval }]) => [
    name,
    { value: estimate, ...interval },
  ])
  return Object.fromEntries(bounds) as Metrics
}

export async function versionDetail(
  context: Reads,
  key: Caller & { model: string; version: number },
): Promise<VersionDetail> {
  const version = await getModelVersion(context, key)
  const [report] = await listGateReportsOf(context.db.read, version.id, 1)
  const judgedOn = report && (await getEvaluation(context, { ...key, id: report.evaluationId }))
  const others = await listEvaluationsOf(context.db.read, version.id, 10)
  const shown = judgedOn ?? others.find((evaluation) => candidateOf([evaluation], version)) ?? others[0]
  return {
    ...version,
    tags: Object.fromEntries(version.tags.map(({ key, value }) => [key, value])),
    features: featuresOf(version),
    gates: report?.results.map(gateView) ?? [],
    ...(report && { gateSentence: report.sentence, gateVerdict: report.verdict }),
    injected: report?.injected ?? false,
    evaluations: shown ? rowsOf(shown) : [],
  }
}

/** All models of one evaluation: the same rows for all, so that they can be read side by side. */
function rowsOf({ id, holdout, subjects }: StoredEvaluation): VersionDetail['evaluations'] {
  return subjects.map(({ name, role, metrics }) => ({
    id,
    subject: name,
    role,
    metrics: boundsOf(metrics),
    rows: holdout.rows,
    days: countDays(holdout.days),
    holdout: holdout.digest,
  }))
}

const served = z.object({
  features: z.array(z.object({ name: z.string(), kind: z.string(), from: z.string() })),
})

/** Its inputs in order, and where each comes from. */
export function featuresOf({
  featureService,
  signature,
}: Pick<ModelVersion, 'featureService' | 'signature'>): VersionDetail['features'] {
  const spec = served.safeParse(featureService?.spec)
  if (spec.success) return spec.data.features
  return signature?.inputs.map(({ name, kind }) => ({ name, kind, from: 'request' })) ?? []
}

/** As a page shows it. */
export function gateView({ gate, verdict, sentence, numbers }: GateResult): GateView {
  const number = (name: string): number | undefined =>
    typeof numbers[name] === 'number' ? numbers[name] : undefined
  const metric = typeof numbers['metric'] === 'string' ? numbers['metric'] : undefined
  const values = {
    value: number('gain') ?? number('estimate'),
    lower: number('lower'),
    upper: number('upper'),
    threshold: number('bound') ?? number('value'),
    against: typeof numbers['against'] === 'string' ? numbers['against'] : undefined,
    metric,
  }
  const known = Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined))
  const name = [gate.replaceAll('_', ' '), ...(metric ? [metric.replaceAll('_', ' ')] : [])].join(': ')
  return { name, verdict, sentence, ...known }
}
