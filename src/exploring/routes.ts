import { z } from 'zod'
import { listOf, route } from '../http/route.ts'
import { listSetAside } from '../ingest/store-quarantine.ts'
import { findLatestReport, getReport } from '../reports/reports.ts'
import {
  concealKept,
  findLatestVersion,
  getDataset,
  listDatasets,
  listVersions,
  personalColumns,
  resolveVersion,
  versionSummary,
} from '../data/data.ts'
import { datasetDiff } from './diff-schema.ts'
import { fileRoutes } from './file-routes.ts'
import { privacyRoutes } from './privacy-routes.ts'
import { datasetDetail, datasetItem, versionDetail, type DatasetItem } from './schema.ts'
import type { Dataset } from '../data/schema.ts'
import { listRedactions } from '../redaction/redaction.ts'

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
      const quarantined = await listSetAside(context.db.read, dataset.id)
      return {
        ...(await toItem(context, dataset)),
        versions,
        ...(versions.length === limit && oldest > 1 && { nextPageToken: String(oldest) }),
        quarantined: quarantined.map((row) => ({
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
    async handle({ context, projectId, params, query }) {
      const { diffVersions } = await import('./diff.ts')
      return await diffVersions(context, { projectId, dataset: params.name, ...query })
    },
  }),
  ...fileRoutes,
  ...privacyRoutes,
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
