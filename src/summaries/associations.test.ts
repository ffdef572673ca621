import { expect, it } from 'vitest'
import { vegaFile } from '../../test/real-datasets.ts'
import { openDuckDb } from '../ports/analytics/duckdb.ts'
import type { Column } from '../sources/schema.ts'
import { presentSummary } from './buckets.ts'
import { summarise } from './scan.ts'
import { mergeSummaries, type SummaryState } from './state.ts'

/*
The numbers of pandas 3.1.1 and scipy 1.17.1:

    def cramers_v(a, b):
        t = pd.crosstab(a, b).to_numpy()
        n, (r, k) = t.sum(), t.shape
        phi2 = max(0, chi2_contingency(t, correction=False).statistic / n - (r - 1) * (k - 1) / (n - 1))
        return (phi2 / min(r - 1 - (r - 1) ** 2 / (n - 1), k - 1 - (k - 1) ** 2 / (n - 1))) ** 0.5
    def eta(c, x):
        f = pd.DataFrame({'c': c, 'x': x}).dropna()
        g = f.groupby('c').x
        return ((g.size() * (g.mean() - f.x.mean()) ** 2).sum() / ((f.x - f.x.mean()) ** 2).sum()) ** 0.5
    g = f[[x, y]].dropna(); spearmanr(g[x], g[y]).statistic
*/
const PENGUINS = {
  spearman: [
    ['Beak Length (mm)', 'Beak Depth (mm)', -0.22174915179457863],
    ['Beak Length (mm)', 'Body Mass (g)', 0.5838003194455482],
    ['Beak Depth (mm)', 'Body Mass (g)', -0.43237222141304366],
  ],
  cramersV: [
    ['Species', 'Island', 0.6573290190537864],
    ['Species', 'Sex', 0],
    ['Island', 'Sex', 0],
  ],
  correlationRatio: [
    ['Species', 'Beak Length (mm)', 0.8413139288696163],
    ['Species', 'Beak Depth (mm)', 0.8244750833497083],
    ['Species', 'Body Mass (g)', 0.8183348664745757],
    ['Island', 'Beak Length (mm)', 0.39246735959620677],
    ['Island', 'Beak Depth (mm)', 0.6324403232672523],
    ['Island', 'Body Mass (g)', 0.6273573224256876],
    ['Sex', 'Beak Length (mm)', 0.34411087441606286],
    ['Sex', 'Beak Depth (mm)', 0.3745850273844146],
    ['Sex', 'Body Mass (g)', 0.42697028942756726],
  ],
} as const
const WEATHER = {
  spearman: [
    ['precipitation', 'temp_max', -0.40273423457106666],
    ['precipitation', 'temp_min', -0.19199030167285838],
    ['precipitation', 'wind', 0.3314866618774637],
    ['temp_max', 'temp_min', 0.8863477132201558],
    ['temp_max', 'wind', -0.12369738122887088],
    ['temp_min', 'wind', -0.053520302374877295],
  ],
  cramersV: [],
  correlationRatio: [
    ['weather', 'precipitation', 0.4964987496033289],
    ['weather', 'temp_max', 0.4546348187938362],
    ['weather', 'temp_min', 0.27713312002667123],
    ['weather', 'wind', 0.3174026943769781],
  ],
} as const

const numbers = (...names: string[]): Column[] => names.map((name) => ({ name, type: 'DOUBLE' }))
const categories = (...names: string[]): Column[] => names.map((name) => ({ name, type: 'VARCHAR' }))
const FILES = [
  [
    'penguins.json',
    [
      ...categories('Species', 'Island'),
      ...numbers('Beak Length (mm)', 'Beak Depth (mm)', 'Body Mass (g)'),
      ...categories('Sex'),
    ],
    PENGUINS,
  ],
  [
    'seattle-weather.csv',
    [...numbers('precipitation', 'temp_max', 'temp_min', 'wind'), ...categories('weather')],
    WEATHER,
  ],
] as const

/** The summaries of every third row and of the others. */
async function summariesOf(file: string, columns: readonly Column[]): Promise<SummaryState[]> {
  await using analytics = openDuckDb()
  await using session = await analytics.session()
  const casts = columns.map(({ name, type }) => `CAST("${name}" AS ${type}) AS "${name}"`)
  await session.execute(
    `CREATE TEMP TABLE numbered AS SELECT ${casts.join(', ')}, row_number() OVER () AS place FROM '${vegaFile(file)}'`,
  )
  const parts: SummaryState[] = []
  for (const where of ['true', 'place % 3 = 0', 'place % 3 <> 0'])
    parts.push(await summarise(session, `SELECT * EXCLUDE (place) FROM numbered WHERE ${where}`, columns))
  return parts
}

it.each(FILES)(
  'of %s, Spearman, Cramér’s V and the correlation ratio are those of scipy and pandas, at once and added up',
  async (file, columns, expected) => {
    const [whole, some, others] = await summariesOf(file, columns)
    for (const state of [whole!, mergeSummaries(some!, others!)]) {
      const { correlations, associations } = presentSummary(state)
      expect(correlations.every(({ spearmanExact }) => spearmanExact)).toBe(true)
      expect(correlations.map(({ x, y, spearman }) => [x, y, spearman])).toEqual(
        expected.spearman.map(([x, y, value]) => [x, y, expect.closeTo(value, 9)]),
      )
      for (const measure of ['cramersV', 'correlationRatio'] as const)
        expect(
          associations.filter((each) => each.measure === measure).map(({ x, y, value }) => [x, y, value]),
        ).toEqual(expected[measure].map(([x, y, value]) => [x, y, expect.closeTo(value, 9)]))
    }
  },
)

it('gives up what it does not know of all rows, and keeps what the others can not change', async () => {
  await using analytics = openDuckDb()
  await using session = await analytics.session()
  const columns: Column[] = [...categories('a', 'b'), ...numbers('n', 'm')]
  const of = (select: string, some = columns) => summarise(session, `SELECT ${select} FROM range(200)`, some)
  const few = await of(
    '(range % 3)::VARCHAR AS a, (range % 2)::VARCHAR AS b, range::DOUBLE AS n, (range * range)::DOUBLE AS m',
  )
  const many = await of(
    'range::VARCHAR AS a, (range % 2)::VARCHAR AS b, range::DOUBLE AS n, NULL::DOUBLE AS m',
  )
  const lesser = await of("'x' AS a, (range % 2)::VARCHAR AS b", categories('a', 'b'))
  const measures = (state: SummaryState): string[] =>
    presentSummary(state).associations.map(({ x, y, rows }) => `${x} ${y} ${rows}`)
  expect(measures(few)).toEqual(['a b 200', 'a n 200', 'a m 200', 'b n 200', 'b m 200'])
  // `a` has too many values by now, but where `m` is known it is known with few.
  expect(measures(mergeSummaries(few, many))).toEqual(['a m 200', 'b n 400', 'b m 200'])
  expect(measures(mergeSummaries(few, lesser))).toEqual([
    'a b 400',
    'a n 200',
    'a m 200',
    'b n 200',
    'b m 200',
  ])
  const { correlations } = presentSummary(mergeSummaries(few, lesser))
  expect(correlations).toMatchObject([{ x: 'n', y: 'm', spearman: expect.closeTo(1, 9), rows: 200 }])
  const { sampledColumns: _, contingencies: __, grouped: ___, ...earlier } = few
  const withEarlier = presentSummary(mergeSummaries(earlier, few))
  expect(withEarlier.associations).toEqual([])
  expect(withEarlier.correlations).toMatchObject([{ x: 'n', y: 'm', spearman: null, rows: 400 }])
})
