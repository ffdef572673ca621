import { apiAt } from './server-api.ts'

/** A page of the UI, where it is in this server's data, and what it must show to answer its question. */
export interface PageCheck {
  name: string
  path: string
  /** Accessible headings or regions, as [role, name]. */
  shows: [
    role: 'heading' | 'region' | 'table' | 'grid' | 'img' | 'group' | 'list' | 'button' | 'link',
    name: string | RegExp,
  ][]
}

interface Named {
  name: string
}

/** Asks the API what there is, so that the same checks run against any project with some history. */
export async function findPages(base: string): Promise<PageCheck[]> {
  const { list, experimentIds } = apiAt(base)
  const runs = await list<{ id: string; metrics: unknown[] }>(
    `/runs?limit=50&experimentId=${await experimentIds()}`,
  )
  const pipelineRuns = await list<{ id: string; state: string }>('/pipeline-runs?limit=20')
  const withReport = first(
    (await list<Named & { report: { id: string } | null }>('/datasets')).filter(({ report }) => report),
    'dataset with a report',
  )
  const dataset = withReport.name
  const model = first(await list<Named>('/models'), 'model').name
  const deployment = first(await list<Named>('/deployments'), 'deployment').name
  const run = first(
    [...runs].sort((a, b) => b.metrics.length - a.metrics.length),
    'run',
  )
  const measured = runs.filter(({ metrics }) => metrics.length > 0)
  const pipelineRun = first(pipelineRuns, 'pipeline run')
  const service = first(await list<Named>('/features/catalogue?kind=service'), 'feature service').name
  const [view] = await list<Named>('/features/catalogue?kind=view')
  const [promotion] = await list<{ id: string }>('/promotions')
  return [
    {
      name: 'people',
      path: '/people',
      shows: [
        ['heading', 'Users'],
        ['heading', 'Teams'],
      ],
    },
    {
      name: 'webhooks',
      path: '/webhooks',
      shows: [
        ['region', 'Webhooks'],
        ['heading', 'New webhook'],
        ['button', 'Add it'],
      ],
    },
    { name: 'account', path: '/account', shows: [['heading', 'Account']] },
    {
      name: 'audit',
      path: '/audit?at=2030-01-01T00:00',
      shows: [
        ['heading', 'In production on a day'],
        ['region', 'Deployments then'],
        ['region', 'Audit log'],
      ],
    },
    {
      name: 'overview',
      path: '/',
      shows: [
        ['group', 'The loop'],
        ['heading', /^Needs you \(\d+\)$/],
        ['list', 'What happened'],
        ['link', /^Serving/],
        ['link', /^Monitoring/],
      ],
    },
    {
      name: 'experiments',
      path: '/experiments',
      shows: [
        ['grid', 'Experiments'],
        ['button', 'New experiment'],
      ],
    },
    {
      name: 'runs',
      path: '/runs',
      shows: [
        ['grid', 'Runs'],
        ['button', 'Columns'],
      ],
    },
    {
      name: 'run',
      path: `/runs/${run.id}`,
      shows: [
        ['region', 'Params'],
        ['region', 'Artifacts'],
        ['heading', /^(Metrics|Curves)$/],
      ],
    },
    {
      name: 'compare',
      path: `/runs/compare?runs=${runs
        .slice(0, 3)
        .map(({ id }) => id)
        .join(',')}`,
      shows: [
        ['heading', 'What differs'],
        ['group', 'Pictures'],
      ],
    },
    ...(['parallel', 'scatter', 'bars'] as const).map((view): PageCheck => ({
      name: `compare-${view}`,
      path: `/runs/compare?view=${view}&runs=${measured
        .slice(0, 8)
        .map(({ id }) => id)
        .join(',')}`,
      shows: [
        ['heading', 'What differs'],
        ['group', 'Pictures'],
      ],
    })),
    {
      name: 'pipelines',
      path: '/pipelines',
      shows: [
        ['region', 'Pipelines'],
        ['region', 'Pipeline runs'],
      ],
    },
    {
      name: 'pipeline-run',
      path: `/pipeline-runs/${pipelineRun.id}`,
      shows: [
        ['heading', 'Steps'],
        ['heading', /^Log of /],
        ['heading', 'Why did this run?'],
        ['img', 'Time of each step'],
      ],
    },
    {
      name: 'models',
      path: '/models',
      shows: [
        ['region', 'Models'],
        ['link', model],
      ],
    },
    {
      name: 'model',
      path: `/models/${model}`,
      shows: [
        ['region', 'Versions'],
        ['link', `${model}/1`],
      ],
    },
    {
      name: 'model-version',
      path: `/models/${model}/versions/1`,
      shows: [
        ['region', 'Lineage'],
        ['heading', 'Gates'],
        ['heading', 'Evaluations'],
        ['heading', 'What it takes'],
      ],
    },
    { name: 'benchmarks', path: '/benchmarks', shows: [['heading', 'Benchmarks']] },
    {
      name: 'model-card',
      path: `/models/${model}/versions/1?tab=card`,
      shows: [
        ['heading', 'Intended use'],
        ['heading', 'Model details'],
        ['heading', 'What it takes and gives'],
        ['button', 'Write Contact'],
      ],
    },
    {
      name: 'version-promotions',
      path: `/models/${model}/versions/1?tab=promotions`,
      shows: [
        ['heading', 'Promotions'],
        ['heading', 'Propose it'],
      ],
    },
    {
      name: 'promotions',
      path: '/promotions',
      shows: [
        ['heading', 'Promotions'],
        ['group', 'State of promotions'],
      ],
    },
    ...(promotion === undefined
      ? []
      : [
          {
            name: 'promotion',
            path: `/promotions/${promotion.id}`,
            shows: [
              ['region', 'What it takes'],
              ['region', 'Side by side'],
              ['heading', 'Reviews'],
            ],
          } satisfies PageCheck,
        ]),
    {
      name: 'deployments',
      path: '/deployments',
      shows: [
        ['region', 'Deployments'],
        ['link', deployment],
      ],
    },
    {
      name: 'deployment',
      path: `/deployments/${deployment}?range=180d`,
      shows: [
        ['img', 'Share of answers by version'],
        ['img', 'Share of errors, with 95 % interval'],
        ['list', 'What was decided'],
        ['button', 'Roll back'],
      ],
    },
    {
      name: 'monitoring',
      path: '/monitoring',
      shows: [
        ['heading', /^Open alerts/],
        ['link', deployment],
      ],
    },
    {
      name: 'monitoring-of',
      path: `/monitoring/${deployment}`,
      shows: [
        ['heading', 'What explains it'],
        ['heading', 'Has the world changed?'],
        ['heading', 'Does it hurt?'],
        ['heading', 'Features, day by day'],
      ],
    },
    {
      name: 'datasets',
      path: '/datasets',
      shows: [
        ['region', 'Datasets'],
        ['link', dataset],
      ],
    },
    {
      name: 'dataset',
      path: `/datasets/${dataset}?column=date`,
      shows: [
        ['region', 'Versions'],
        ['region', 'Columns'],
        ['heading', /^Columns of v/],
        ['heading', /^What changed in v/],
        ['region', 'Checks over time'],
        ['region', 'What happened at the source'],
        ['heading', 'About this dataset'],
      ],
    },
    {
      name: 'features',
      path: '/features',
      shows: [
        ['region', 'Features'],
        ['group', 'Kind'],
        ['link', service],
      ],
    },
    {
      name: 'feature-service',
      path: `/features/services/${service}`,
      shows: [
        ['heading', 'Features'],
        ['region', 'Versions that use it'],
        ['region', 'Lineage'],
      ],
    },
    ...(view === undefined
      ? []
      : [
          {
            name: 'feature-view',
            path: `/features/views/${view.name}`,
            shows: [
              ['region', 'Definition'],
              ['heading', 'Served as it is computed offline?'],
              ['region', 'Features'],
              ['heading', 'Who uses it'],
              ['region', 'Lineage'],
            ],
          } satisfies PageCheck,
        ]),
    {
      name: 'validation report',
      path: `/reports/${withReport.report!.id}`,
      shows: [
        ['region', 'Checks'],
        ['region', 'What arrived'],
      ],
    },
    {
      name: 'lineage',
      path: `/lineage?kind=dataset_version&id=${encodeURIComponent(`${dataset}@1`)}`,
      shows: [
        ['region', 'Lineage'],
        ['group', 'Direction'],
        ['link', new RegExp(`^${model}/1`)],
      ],
    },
    {
      name: 'decisions',
      path: '/decisions',
      shows: [
        ['group', 'Kind of decision'],
        ['region', /\d{4}$/],
      ],
    },
  ]
}

function first<T>(items: T[], what: string): T {
  const [item] = items
  if (item === undefined) throw new Error(`This server has no ${what}: run it on the demo's data`)
  return item
}
