import { hashJson } from '../kernel/json.ts'
import { importExperiment } from '../tracking/tracking.ts'
import type { SourceExperiment } from './schema.ts'
import { isUnchanged, note, type Session } from './session.ts'
import { listObjects } from './store.ts'

/** Brings in experiments, and learns under which ids their runs go. */
export async function importExperiments(session: Session): Promise<void> {
  const experiments = await session.source.listExperiments()
  for (let start = 0; start < experiments.length; start += 500) {
    const page = experiments.slice(start, start + 500)
    const known = await listObjects(session.context.db.read, {
      sourceId: session.sourceId,
      kind: 'experiment',
      keys: page.map(({ id }) => id),
    })
    for (const experiment of page) await importOne(session, experiment, known.get(experiment.id))
  }
}

async function importOne(
  session: Session,
  experiment: SourceExperiment,
  known: Parameters<typeof isUnchanged>[0],
): Promise<void> {
  const { id: key, artifactLocation } = experiment
  const fingerprint = hashJson(experiment)
  const deleted = experiment.lifecycle === 'deleted' ? { deletedMs: experiment.updatedMs } : {}
  if (isUnchanged(known, fingerprint)) {
    session.counts.experiments.unchanged += 1
    session.experiments.set(key, { id: known!.target, artifactLocation, ...deleted })
    return
  }
  const { id, how } = await importExperiment(session.context, {
    ...session.caller,
    experiment,
    knownId: known?.target,
    within: (trx, place) =>
      note(session, trx, [{ kind: 'experiment', key, state: 'written', target: place.id, fingerprint }]),
  })
  session.experiments.set(key, { id, artifactLocation, ...deleted })
  session.counts.experiments.imported += 1
  if (how !== 'kept') session.mapping.push({ experiment: key, id, how })
}
