import { Readable } from 'node:stream'
import { z } from 'zod'
import { route } from '../http/route.ts'
import { archiveEntries, packageVersion } from './packaging.ts'
import { writeTar } from './tar.ts'

export const routes = [
  route({
    method: 'GET',
    path: '/models/:name/versions/:version/package',
    summary: 'Everything that serves a version with no Tidemill around, as a tar archive',
    permission: 'view',
    params: z.strictObject({ name: z.string(), version: z.coerce.number().int().min(1) }),
    query: z.strictObject({
      deployment: z.string().optional().describe('Whose policy and name it gets; default: one of the model'),
    }),
    response: z.string(),
    contentType: 'application/x-tar',
    async handle({ context, actor, projectId, params, query }) {
      const { name: model, version } = params
      const bundle = await packageVersion(context, { projectId, actor, model, version, ...query })
      return new Response(Readable.toWeb(Readable.from(writeTar(archiveEntries(bundle)))) as ReadableStream, {
        headers: {
          'content-type': 'application/x-tar',
          'content-disposition': `attachment; filename*=UTF-8''${encodeURIComponent(`${model}-${version}.tar`)}`,
          'tidemill-digest': bundle.digest,
        },
      })
    },
  }),
]
