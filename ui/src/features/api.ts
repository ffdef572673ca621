import type { Page } from '../answers.ts'
import { at, many, one, post } from '../api.ts'
import type { CatalogueEntry, EntryPage, EntryKind, SkewReport, ViewDetail } from './answers.ts'

export const catalogue = (query: {
  q?: string
  kind?: string
  entity?: string
  owner?: string
  tag?: string
  unused?: string
}) => many<Page<CatalogueEntry>>('features', '/features/catalogue', query)

export const entry = (kind: EntryKind, name: string) =>
  one<EntryPage>('features', `/features/catalogue/${at(name)}?kind=${kind}`)

export const view = (name: string) => one<ViewDetail>('features', `/features/views/${at(name)}`)

export const skew = (query: { source?: string; deployment?: string; days?: number }) =>
  many<SkewReport>('features', '/features/skew', query)

export const materialize = (name: string) =>
  post<{ jobIds: string[] }>(`/features/views/${at(name)}/materialize`)

const folders = {
  entity: 'entities',
  view: 'views',
  on_demand: 'on-demand',
  service: 'services',
} as const satisfies Record<EntryKind, string>

/** The page of an entry. */
export function entryHref({ kind, name }: { kind: EntryKind; name: string }): string {
  return `/features/${folders[kind]}/${at(name)}`
}

export function kindOfFolder(folder: string): EntryKind | undefined {
  const kinds = Object.keys(folders) as EntryKind[]
  return kinds.find((kind) => folders[kind] === folder)
}

export const kindWords = {
  entity: 'entity',
  view: 'view',
  on_demand: 'on-demand',
  service: 'service',
} as const satisfies Record<EntryKind, string>
