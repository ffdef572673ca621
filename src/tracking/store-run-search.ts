import { sql, type RawBuilder } from 'kysely'
import type { Queryable } from '../ports/db/db.ts'
import type { DialectName } from '../ports/db/dialect.ts'
import {
  decodePageToken,
  filterSql,
  indexedStart,
  orderSql,
  searchPage,
  searchPageAmong,
  type Filter,
  type Page,
  type PageQuery,
  type Searchable,
} from '../search/search.ts'
import { lifecycleSql, type TrackingSearch } from './store.ts'
import type { RunRow } from './tables.ts'

const RUN_ATTRIBUTES: Searchable['attributes'] = {
  id: { column: 'r.id', kind: 'text' },
  name: { column: 'r.name', kind: 'text' },
  userId: { column: 'r.user_id', kind: 'text' },
  status: { column: 'r.status', kind: 'text' },
  artifactUri: { column: 'r.artifact_uri', kind: 'text' },
  experimentId: { column: 'r.experiment_id', kind: 'text' },
  parentRunId: { column: 'r.parent_run_id', kind: 'text', nullable: true },
  startMs: { column: 'r.start_ms', kind: 'number' },
  endMs: { column: 'r.end_ms', kind: 'number', nullable: true },
}

const DATASETS: NonNullable<Searchable['datasets']> = {
  tables: 'run_input i join run_dataset d on d.id = i.dataset_id',
  owner: 'i.run_id',
  columns: { name: 'd.name', digest: 'd.digest', context: 'i.context' },
}

/** Where the fields of runs live, for filters inside these experiments. */
export function runSearchable(experimentIds: readonly string[]): Searchable {
  return {
    what: 'Runs',
    attributes: RUN_ATTRIBUTES,
    values: {
      param: { table: 'run_param', owner: 'run_id' },
      tag: { table: 'run_tag', owner: 'run_id' },
    },
    metric: { table: 'run_metric_latest', owner: 'run_id' },
    datasets: DATASETS,
    id: 'r.id',
    scope: { column: 'experiment_id', ids: experimentIds },
  }
}

/** A filter is tried on five pages of rows in order before it is looked up for all, where pages are short. */
const TRIED = { pages: 5, mostRows: 2_000 } as const

export async function searchRunRows(
  at: Queryable,
  dialect: DialectName,
  search: TrackingSearch & { experimentIds: readonly string[] },
): Promise<Page<RunRow>> {
  if (search.experimentIds.length === 0) return { rows: [] }
  const searchable = runSearchable(search.experimentIds)
  const query: PageQuery = {
    from: sql`run r`,
    columns: sql`r.*`,
    scope: sql`${runScope(dialect, search)}${lifecycleSql('r', search.lifecycle)}`,
    filter: filterSql(dialect, searchable, search.filter),
    order: orderSql(searchable, search.orderBy, [
      { expression: sql.ref('r.start_ms'), descending: true },
      { expression: sql.ref('r.id'), descending: false },
    ]),
  }
  const among = TRIED.pages * search.limit
  const attempt = async (walked: PageQuery, filter: Filter): Promise<Page<RunRow> | undefined> => {
    if (isEverything(filter) || namesRuns(filter) || among > TRIED.mostRows) return undefined
    const tried = { ...walked, filter: filterSql(dialect, { ...searchable, probes: true }, filter) }
    return await searchPageAmong<RunRow>(at, search, { ...tried, among, alias: 'r' })
  }
  const walk = async (walked: PageQuery, filter: Filter): Promise<Page<RunRow>> =>
    (await attempt(walked, filter)) ?? (await searchPage<RunRow>(at, search, walked))
  if (search.orderBy.length === 0) return await walk(query, search.filter)
  const filter = (id: string, of: Filter): RawBuilder<unknown> =>
    filterSql(dialect, { ...searchable, id }, of)
  const byValue = walkedByValue(dialect, search, query)
  const page =
    byValue &&
    (isEverything(search.filter) ? await walk(byValue, search.filter) : await attempt(byValue, search.filter))
  // Beyond the walk are the runs that have no such value.
  if (page?.nextPageToken !== undefined) return page
  return (
    (await firstByMetric(dialect, search, { query, filter, walk })) ??
    (await searchPage<RunRow>(at, search, query))
  )
}

/**
 * The page when the runs of one experiment are ordered by a param or a tag first, over the index of values, which has them in the order of
 * their beginnings. PostgreSQL's collations order beginnings otherwise than whole values.
 */
function walkedByValue(
  dialect: DialectName,
  { orderBy, experimentIds, pageToken }: TrackingSearch & { experimentIds: readonly string[] },
  query: PageQuery,
): PageQuery | undefined {
  const [term] = orderBy
  if (dialect === 'postgres' || experimentIds.length > 1) return undefined
  if (term?.field !== 'param' && term?.field !== 'tag') return undefined
  const { parts, joins } = query.order
  const after = pageToken ? decodePageToken(pageToken, parts.length) : undefined
  if (after && after[0] !== 0) return undefined
  const start = indexedStart(sql.ref('o0.value'))
  const bound = after
    ? sql` and ${start} ${sql.raw(term.descending ? '<=' : '>=')} ${indexedStart(sql`${after[1]}`)}`
    : sql``
  return {
    ...query,
    from: sql`${sql.table(`run_${term.field}`)} o0 cross join run r`,
    scope: sql`o0.experiment_id = ${experimentIds[0]} and o0.key = ${term.key}${bound}
      and r.id = o0.run_id and ${query.scope}`,
    order: { joins: joins.slice(1), parts, walked: { expression: start, descending: term.descending } },
  }
}

function isEverything(filter: Filter): boolean {
  return 'and' in filter && filter.and.every(isEverything)
}

/** Whether a filter asks for some runs by their ids, or for the children of some: an index finds them at once. */
function namesRuns(filter: Filter): boolean {
  if ('and' in filter) return filter.and.some(namesRuns)
  return (
    'field' in filter &&
    filter.field === 'attribute' &&
    ['id', 'parentRunId'].includes(filter.key) &&
    ['=', 'in'].includes(filter.operator)
  )
}

interface Walk {
  query: PageQuery
  filter: (id: string, of: Filter) => RawBuilder<unknown>
  walk: (walked: PageQuery, filter: Filter) => Promise<Page<RunRow>>
}

/**
 * The page when runs are ordered by a metric first and the page lies among those that have it: the index gives them in order, so that only
 * the page is read. What the filter asks of that metric bounds the walk over the index. Undefined when the page reaches beyond them.
 */
async function firstByMetric(
  dialect: DialectName,
  search: TrackingSearch & { experimentIds: readonly string[] },
  { query, filter, walk }: Walk,
): Promise<Page<RunRow> | undefined> {
  const [term] = search.orderBy
  if (term?.field !== 'metric') return undefined
  const [, , ...rest] = query.order.parts
  const parts = [
    { expression: sql.ref('o0.is_nan'), descending: false },
    { ...term, expression: sql.ref('o0.value') },
    ...rest,
  ]
  const after = search.pageToken ? decodePageToken(search.pageToken, parts.length) : undefined
  if (after && after[0] !== 0) return undefined
  const bound = after ? sql` and o0.value ${sql.raw(term.descending ? '<=' : '>=')} ${after[1]}` : sql``
  const { own, remaining } = splitByMetric(search.filter, term.key)
  const page = await walk(
    {
      ...query,
      // A cross join keeps SQLite from turning the two around.
      from: sql`run_metric_latest o0 cross join run r`,
      scope: sql`${metricScope(dialect, search)} and o0.key = ${term.key} and o0.is_nan = 0${bound}
        ${sql.join(own, sql` `)} and r.id = o0.run_id and ${query.scope}`,
      filter: filter('o0.run_id', remaining),
      order: { joins: query.order.joins.slice(1), parts },
    },
    remaining,
  )
  // A filter on the metric holds for none that lacks it.
  return page.nextPageToken === undefined && own.length === 0 ? undefined : page
}

/** As `runScope`, over the metrics. */
function metricScope(
  dialect: DialectName,
  { projectId, experimentIds }: { projectId: string; experimentIds: readonly string[] },
) {
  const [only, ...others] = experimentIds
  if (others.length === 0) return sql`o0.experiment_id = ${only}`
  const experiment = dialect === 'sqlite' ? sql`o0.experiment_id || ''` : sql`o0.experiment_id`
  return sql`o0.project_id = ${projectId} and ${experiment} in (${sql.join(experimentIds)})`
}

/**
 * One experiment's runs are walked by the experiment, many by the project, and named ones by their ids. An expression keeps SQLite from
 * walking others than those that are asked for; PostgreSQL would take it for a condition that hardly any row meets.
 */
function runScope(
  dialect: DialectName,
  {
    projectId,
    experimentIds,
    filter,
  }: Pick<TrackingSearch, 'projectId' | 'filter'> & { experimentIds: readonly string[] },
) {
  const unwalked = (column: string) =>
    dialect === 'sqlite' ? sql`${sql.ref(column)} || ''` : sql.ref(column)
  const [only, ...others] = experimentIds
  const isNamed = namesRuns(filter)
  const project = isNamed || others.length === 0 ? unwalked('r.project_id') : sql.ref('r.project_id')
  const experiment = isNamed ? unwalked('r.experiment_id') : sql.ref('r.experiment_id')
  return others.length === 0
    ? sql`${experiment} = ${only} and ${project} = ${projectId}`
    : sql`${project} = ${projectId} and ${experiment} in (${sql.join(experimentIds)})`
}

/** What a filter asks of one metric in any case, as conditions over `o0`, and the rest of it. */
function splitByMetric(filter: Filter, key: string): { own: RawBuilder<unknown>[]; remaining: Filter } {
  const own: RawBuilder<unknown>[] = []
  const remaining: Filter[] = []
  for (const member of 'and' in filter ? filter.and : [filter]) {
    // A NaN is other than every number, and not in this walk.
    const bounds =
      'field' in member &&
      member.field === 'metric' &&
      member.key === key &&
      member.operator !== '!=' &&
      member.datasets === undefined
    if (bounds) own.push(sql`and o0.value ${sql.raw(member.operator)} ${member.value}`)
    else remaining.push(member)
  }
  return { own, remaining: { and: remaining } }
}
