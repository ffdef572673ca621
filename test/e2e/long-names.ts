import type { PageCheck } from './addresses.ts'
import { apiAt } from './server-api.ts'

const long = 'a-name-without-any-space-'.repeat(9)
const names = [long, 'تدريب النموذج على الرحلات المتأخرة', '👩‍🔬 מודל חדש <b>bold</b>']

/** Runs with the longest names, keys and values that there may be, in every direction of writing, and the pages that show them. */
export async function longNamePages(
  base: string,
): Promise<{ pages: PageCheck[]; remove: () => Promise<void> }> {
  const { mlflow, run } = apiAt(base)
  const { experiment_id: experimentId } = await mlflow<{ experiment_id: string }>('experiments/create', {
    name: `${Date.now()} ${long}`,
  })
  const ids: string[] = []
  for (const [index, name] of names.entries()) {
    const { id } = await run(name, experimentId)
    ids.push(id)
    await mlflow('runs/log-batch', {
      run_id: id,
      metrics: [
        { key: `metric_${'x'.repeat(230)}`, value: 1.5e-13 * (index + 1), timestamp: 1, step: 1 },
        { key: 'مقياس/الدقة', value: 0.5 + index / 10, timestamp: 1, step: 2 },
        { key: 'huge', value: -8.4e29, timestamp: 1, step: 0 },
      ],
      params: [
        { key: `param_${'y'.repeat(230)}`, value: `${index}${'z'.repeat(480)}` },
        { key: 'config', value: JSON.stringify({ layers: Array.from({ length: 500 }, () => index) }) },
      ],
      tags: [
        { key: `tag_${'t'.repeat(200)}`, value: 'v'.repeat(1000) },
        {
          key: 'mlflow.note.content',
          value: `# ${'w'.repeat(300)}\n\n| a | b |\n|--|--|\n| ${'c'.repeat(200)} | d |`,
        },
      ],
    })
  }
  const compare = `/runs/compare?runs=${ids.join(',')}`
  return {
    pages: [
      { name: 'long-runs', path: `/runs?experiment=${experimentId}`, shows: [['grid', 'Runs']] },
      { name: 'long-run', path: `/runs/${ids[0]}`, shows: [['region', 'Params']] },
      { name: 'long-run-rtl', path: `/runs/${ids[1]}`, shows: [['region', 'Params']] },
      { name: 'long-compare', path: compare, shows: [['heading', 'What differs']] },
      {
        name: 'long-compare-all',
        path: `${compare}&all=yes&view=parallel`,
        shows: [['heading', 'What differs']],
      },
      { name: 'long-compare-bars', path: `${compare}&view=bars`, shows: [['heading', 'What differs']] },
      { name: 'long-experiments', path: '/experiments', shows: [['grid', 'Experiments']] },
    ],
    remove: async () => {
      await mlflow('experiments/delete', { experiment_id: experimentId })
    },
  }
}
