import { HeatStrip } from '../charts/HeatStrip.tsx'
import { count, decimal } from '../format.ts'
import { Section } from '../kit/Page.tsx'
import type { DatasetSummary } from './answers.ts'

/** From here on two columns say much the same. */
const STRONG = 0.8

interface Pair {
  x: string
  y: string
  value: number | null
}

/** What only several columns show together: how they go together, and rows that are there more than once. */
export function Together({ summary }: { summary: DatasetSummary }) {
  const { correlations, associations, duplicates } = summary
  if (correlations.length + associations.length === 0 && duplicates === null) return null
  const isExact = correlations.every(({ spearman, spearmanExact }) => spearman === null || spearmanExact)
  return (
    <Section title="Columns together">
      {duplicates && <p>{duplicateText(duplicates)}</p>}
      <Pairs
        label="Pearson’s correlation of each two columns"
        pairs={correlations.map(({ x, y, pearson }) => ({ x, y, value: pearson }))}
      />
      <Pairs
        label={`Spearman’s correlation of ranks${isExact ? '' : ', from a sample of rows'}`}
        pairs={correlations.map(({ x, y, spearman }) => ({ x, y, value: spearman }))}
      />
      <Pairs
        label="Cramér’s V of two categories, correlation ratio of a category and a number"
        pairs={associations}
      />
    </Section>
  )
}

/** A square of the columns, each field how strongly two of them go together. */
function Pairs({ label, pairs }: { label: string; pairs: readonly Pair[] }) {
  const names = [...new Set(pairs.flatMap(({ x, y }) => [x, y]))]
  if (pairs.every(({ value }) => value === null)) return null
  const between = new Map(
    pairs.flatMap(
      ({ x, y, value }) =>
        [
          [`${x}\n${y}`, value],
          [`${y}\n${x}`, value],
        ] as const,
    ),
  )
  return (
    <HeatStrip
      label={label}
      rows={names}
      columns={names}
      threshold={STRONG}
      format={(value) => decimal(value, 2)}
      values={names.map((x) =>
        names.map((y) => {
          const value = x === y ? null : between.get(`${x}\n${y}`)
          return value == null ? null : Math.abs(value)
        }),
      )}
    />
  )
}

function duplicateText({ rows, exact, standardError }: NonNullable<DatasetSummary['duplicates']>): string {
  if (rows === 0) return 'No row is there twice.'
  if (exact) return `${count(rows)} rows repeat another row.`
  return `About ${count(rows)} rows repeat another row (± ${count(standardError)}, from a sample of rows).`
}
