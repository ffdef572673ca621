import { audit } from '../governance/governance.ts'
import type { Context } from '../http/context.ts'
import { appendEvent } from '../jobs/events.ts'
import { requirePermission, type Caller } from '../kernel/actor.ts'
import { AppError } from '../kernel/errors.ts'
import { versionDigest } from '../promotions/promotions.ts'
import { getModelRow, getVersionRow, lockModelRow } from '../registry/registry.ts'
import { gatherFacts } from './facts.ts'
import { CardSections, PEOPLE_SECTIONS, type CardRevision, type ModelCard } from './schema.ts'
import { insertCard, listCardRows } from './store.ts'
import type { ModelCardRow } from './tables.ts'

interface CardKey extends Caller {
  model: string
  version: number
}

/** The card of a version: what is known of it now, and what people wrote last. */
export async function getCard(context: Pick<Context, 'db' | 'artifacts'>, key: CardKey): Promise<ModelCard> {
  requirePermission(key.actor, 'view', key.projectId)
  const model = await getModelRow(context.db.read, key.projectId, key.model)
  const row = await getVersionRow(context.db.read, model, key.version)
  const [newest] = await listCardRows(context.db.read, row.id, { limit: 1 })
  const written = newest ? toRevision(newest) : EMPTY
  return {
    model: model.name,
    version: row.version,
    digest: await versionDigest(context.db.read, row),
    facts: await gatherFacts(context, key, { model, row }),
    written,
    blanks: PEOPLE_SECTIONS.filter(({ key: section }) => written.sections[section].trim() === '').map(
      ({ title }) => title,
    ),
  }
}

/**
 * Writes what only people know, as a new revision; sections that are not given stay. `revision` is the one that was read: throws `conflict` when
 * someone else has written meanwhile.
 */
export async function writeCard(
  { db, clock }: Pick<Context, 'db' | 'clock'>,
  input: CardKey & { revision: number; sections: Partial<CardSections> },
): Promise<CardRevision> {
  const { projectId, actor, model: name, version, revision } = input
  requirePermission(actor, 'contribute', projectId)
  return await db.write(async (trx) => {
    const model = await lockModelRow(trx, projectId, name)
    const row = await getVersionRow(trx, model, version)
    const [newest] = await listCardRows(trx, row.id, { limit: 1 })
    const before = newest ? toRevision(newest) : EMPTY
    if (before.revision !== revision)
      throw new AppError(
        'conflict',
        `The card of ${name}/${version} has revision ${before.revision}, written by ${before.author ?? 'nobody'}; you have changed revision ${revision}. Read it again first.`,
        { details: { revision: before.revision } },
      )
    const sections = { ...before.sections, ...input.sections }
    const card: ModelCardRow = {
      model_version_id: row.id,
      revision: revision + 1,
      project_id: projectId,
      sections_json: JSON.stringify(sections),
      author_id: actor.id,
      author_name: actor.name,
      created_ms: clock.now(),
    }
    await insertCard(trx, card)
    const detail = { revision: card.revision, sections: Object.keys(input.sections) }
    const subject = `${name}/${version}`
    await audit(trx, { projectId, actor, action: 'registry.write_card', subject, detail })
    await appendEvent(trx, { projectId, kind: 'model.changed', payload: { model: name }, atMs: clock.now() })
    return toRevision(card)
  })
}

/** What was written before, newest first; `before` is the number of the last revision of the page before. */
export async function listCardRevisions(
  { db }: Pick<Context, 'db'>,
  { limit, before, ...key }: CardKey & { limit: number; before?: number | undefined },
): Promise<CardRevision[]> {
  requirePermission(key.actor, 'view', key.projectId)
  const row = await getVersionRow(db.read, await getModelRow(db.read, key.projectId, key.model), key.version)
  return (await listCardRows(db.read, row.id, { limit, before })).map(toRevision)
}

const EMPTY: CardRevision = { revision: 0, author: null, createdMs: null, sections: CardSections.parse({}) }

function toRevision({ revision, author_name, created_ms, sections_json }: ModelCardRow): CardRevision {
  const sections = CardSections.parse(JSON.parse(sections_json))
  return { revision, author: author_name, createdMs: created_ms, sections }
}
