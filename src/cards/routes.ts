import { z } from 'zod'
import { listOf, pageOf, route } from '../http/route.ts'
import { CardRevision, CardSections, ModelCard } from './schema.ts'
import { cardHtml, cardMarkdown } from './text.ts'
import { getCard, listCardRevisions, writeCard } from './cards.ts'

const numbered = z.strictObject({ name: z.string(), version: z.coerce.number().int().min(1) })

export const routes = [
  route({
    method: 'GET',
    path: '/models/:name/versions/:version/card',
    summary: 'The card of a version: what is known of it, and what people wrote',
    permission: 'view',
    params: numbered,
    response: ModelCard,
    handle: ({ context, actor, projectId, params: { name, version } }) =>
      getCard(context, { projectId, actor, model: name, version }),
  }),
  route({
    method: 'GET',
    path: '/models/:name/versions/:version/card.md',
    summary: 'The card as Markdown',
    permission: 'view',
    params: numbered,
    response: z.string(),
    contentType: 'text/markdown',
    async handle({ context, actor, projectId, params: { name, version } }) {
      const card = await getCard(context, { projectId, actor, model: name, version })
      return new Response(cardMarkdown(card), { headers: { 'content-type': 'text/markdown; charset=utf-8' } })
    },
  }),
  route({
    method: 'GET',
    path: '/models/:name/versions/:version/card.html',
    summary: 'The card as a page that needs nothing else, and prints',
    permission: 'view',
    params: numbered,
    response: z.string(),
    contentType: 'text/html',
    async handle({ context, actor, projectId, params: { name, version } }) {
      const card = await getCard(context, { projectId, actor, model: name, version })
      return new Response(cardHtml(card), { headers: { 'content-type': 'text/html; charset=utf-8' } })
    },
  }),
  route({
    method: 'PUT',
    path: '/models/:name/versions/:version/card',
    summary: 'Write what only people know of a version, as a new revision; sections that are not given stay',
    permission: 'contribute',
    params: numbered,
    body: z.strictObject({
      revision: z.int().min(0).describe('The one that was read; 0 where there is none'),
      sections: z
        .strictObject({
          intendedUse: CardSections.shape.intendedUse.unwrap().optional(),
          outOfScope: CardSections.shape.outOfScope.unwrap().optional(),
          ethics: CardSections.shape.ethics.unwrap().optional(),
          caveats: CardSections.shape.caveats.unwrap().optional(),
          contact: CardSections.shape.contact.unwrap().optional(),
        })
        .refine((sections) => Object.keys(sections).length > 0, 'give at least one section'),
    }),
    response: CardRevision,
    handle: ({ context, actor, projectId, params: { name, version }, body: { revision, sections } }) =>
      writeCard(context, {
        projectId,
        actor,
        model: name,
        version,
        revision,
        sections: Object.fromEntries(Object.entries(sections).filter(([, text]) => text !== undefined)),
      }),
  }),
  route({
    method: 'GET',
    path: '/models/:name/versions/:version/card/revisions',
    summary: 'What was written on the card before, newest first',
    permission: 'view',
    params: numbered,
    query: z.strictObject({
      limit: z.coerce.number().int().min(1).max(200).default(50),
      pageToken: z.coerce.number().int().optional(),
    }),
    response: listOf(CardRevision),
    async handle({ context, actor, projectId, params: { name, version }, query: { limit, pageToken } }) {
      const key = { projectId, actor, model: name, version }
      const items = await listCardRevisions(context, { ...key, limit, before: pageToken })
      return pageOf(items, limit, ({ revision }) => String(revision))
    },
  }),
]
