import { z } from 'zod'
import { listOf, route } from '../http/route.ts'
import { listChanges } from './changes.ts'
import { failingRows, getDataset, getReport, listVersions, requestIngest } from './data.ts'
import { datasetDiff, diffVersions } from './diff.ts'
import { fileRoutes } from './file-routes.ts'
import { checkRoutes } from './check-routes.ts'
import { privacyRoutes } from './privacy-routes.ts'
import { pushRoutes } from './push-routes.ts'
import {
  datasetChange,
  datasetDetail,
  datasetItem,
  reportDetail,
  versionDetail,
  type Dataset,
  type DatasetItem,
} from './schema.ts'
import { findLatestReport, findLatestVersion, listDatasets, listQuarantined } from './store.ts'
import { concealKept, personalColumns } from './personal.ts'
import { listRedactions } from './store-erasure.ts'
import { resolveVersion, versionSummary } from './versions.ts'

const name = z.object({ name: z.string() })

export const routes = [
  route({
    method: 'GET',
    path: '/datasets',
    summary: 'The datasets of the project, each with its latest version and its latest validation report',
    permission: 'view',
    query: z.object({
      search: z
        .string()
        .max(200)
        .optional()
        .describe('Words that must all stand in its name, description, owner, tags or columns'),
    }),
    response: listOf(datasetItem),
    async handle({ context, projectId, query }) {
      const datasets = await listDatasets(context.db.read, projectId)
      const items = await Promise.all(datasets.map((dataset) => toItem(context, dataset)))
      return { items: items.filter((item) => hasWords(item, query.search ?? '')) }
    },
  }),
  route({
    method: 'GET',
    path: '/datasets/:name',
    summary: 'One dataset with its newest versions, its latest report and the files set aside',
    permission: 'view',
    params: name,
    query: z.object({
      limit: z.coerce.number().int().min(1).max(500).default(100),
      pageToken: z.coerce.number().int().optional(),
    }),
    response: datasetDetail,
    async handle({ context, projectId, params, query }) {
      const dataset = await getDataset(context, { projectId, name: params.name })
      const { limit, pageToken: below } = query
      const versions = await listVersions(context, { projectId, dataset: dataset.name, limit, below })
      const oldest = versions.at(-1)?.number ?? 1
      const quarantined = await listQuarantined(context.db.read, dataset.id)
      return {
        ...(await toItem(context, dataset)),
        versions,
        ...(versions.length === limit && oldest > 1 && { nextPageToken: String(oldest) }),
        quarantined: quarantined.slice(0, 100).map((row) => ({
          path: row.path,
          sha256: row.source_sha256,
          reportId: row.report_id,
          createdMs: row.created_ms,
        })),
      }
    },
  }),
  route({
    method: 'GET',
    path: '/datasets/:name/versions/:number',
    summary:
      'One version: its schema, a summary of each column, what is personal in it and the report on the files that it added',
    permission: 'view',
    params: z.object({ name: z.string(), number: z.coerce.number().int().min(1) }),
    response: versionDetail,
    async handle({ context, projectId, params }) {
      const reference = `${params.name}@${params.number}`
      const version = await resolveVersion(context, { projectId, reference })
      const report =
        version.reportId === null ? null : await getReport(context, { projectId, id: version.reportId })
      const dataset = await getDataset(context, { projectId, name: params.name })
      const personal = await personalColumns(context, dataset, version)
      const summary = concealKept(await versionSummary(context, version), dataset)
      const redactions = await listRedactions(context.db.read, version.id)
      return { ...version, summary, report, personal, redactions }
    },
  }),
  ...checkRoutes,
  route({
    method: 'GET',
    path: '/datasets/:name/diff',
    summary:
      'How two versions differ: schema, rows, parts, distributions of their columns; from what is known of them, no row is read',
    permission: 'view',
    params: name,
    query: z.object({
      from: z.coerce.number().int().min(1).describe('Number of the earlier version'),
      to: z.coerce.number().int().min(1).describe('Number of the later version'),
    }),
    response: datasetDiff,
    handle: ({ context, projectId, params, query }) =>
      diffVersions(context, { projectId, dataset: params.name, ...query }),
  }),
  ...fileRoutes,
  route({
    method: 'GET',
    path: '/validation-reports/:id',
    summary: 'A validation report with the rows that failed, at most 1,000',
    permission: 'view',
    params: z.object({ id: z.string() }),
    response: reportDetail,
    async handle({ context, projectId, params }) {
      const report = await getReport(context, { projectId, id: params.id })
      return { ...report, failingRows: await failingRows(context, report) }
    },
  }),
  route({
    method: 'GET',
    path: '/datasets/:name/changes',
    summary:
      'What happened at the source of a dataset, newest first: what came and went, how the schema changed, the version it made or why it was refused, and failures',
    permission: 'view',
    params: name,
    query: z.object({
      limit: z.coerce.number().int().min(1).max(500).default(100),
      pageToken: z.string().optional(),
    }),
    response: listOf(datasetChange),
    async handle({ context, projectId, params, query }) {
      const { limit, pageToken: before } = query
      const items = await listChanges(context, { projectId, dataset: params.name, limit, before })
      return { items, ...(items.length === limit && { nextPageToken: items.at(-1)!.id }) }
    },
  }),
  ...privacyRoutes,
  ...pushRoutes,
  route({
    method: 'POST',
    path: '/datasets/:name/ingest',
    summary: 'Asks a worker to look for new files now',
    permission: 'contribute',
    params: name,
    response: z.object({ jobId: z.string() }),
    async handle({ context, actor, projectId, params }) {
      return { jobId: await requestIngest(context, { projectId, actor, dataset: params.name }) }
    },
  }),
]

function hasWords({ name, definition, latest }: DatasetItem, search: string): boolean {
  const { description = '', owner = '', tags = [] } = definition
  const columns = latest?.schema.map((column) => column.name) ?? []
  const text = [name, description, owner, ...tags, ...columns].join('\n').toLowerCase()
  const words = search.toLowerCase().split(/\s+/)
  return words.every((word) => text.includes(word))
}

async function toItem({ db }: Parameters<typeof getDataset>[0], dataset: Dataset): Promise<DatasetItem> {
  const report = await findLatestReport(db.read, dataset.id)
  return {
    id: dataset.id,
    name: dataset.name,
    declared: dataset.declared,
    definition: dataset.definition,
    latest: (await findLatestVersion(db.read, dataset.id)) ?? null,
    report: report
      ? { id: report.id, verdict: report.verdict, sentence: report.sentence, createdMs: report.createdMs }
      : null,
  }
}
