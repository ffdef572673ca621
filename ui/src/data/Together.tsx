import { HeatStrip } from '../charts/HeatStrip.tsx'
import { count, decimal } from '../format.ts'
import { Section } from '../kit/Page.tsx'
import type { DatasetSummary } from './answers.ts'

/** From here on two columns say much the same. */
const STRONG = 0.8

/** What only several columns show together: how they correlate, and rows that are there more than once. */
export function Together({ summary }: { summary: DatasetSummary }) {
  const { correlations, duplicates } = summary
  const names = [...new Set(correlations.flatMap(({ x, y }) => [x, y]))]
  if (names.length === 0 && duplicates === null) return null
  const between = new Map(
    correlations.flatMap(
      ({ x, y, pearson }) =>
        [
          [`${x}\n${y}`, pearson],
          [`${y}\n${x}`, pearson],
        ] as const,
    ),
  )
  return (
    <Section title="Columns together">
      {duplicates && <p>{duplicateText(duplicates)}</p>}
      {names.length > 0 && (
        <HeatStrip
          label="Pearson’s correlation of each two columns"
          rows={names}
          columns={names}
          threshold={STRONG}
          format={(value) => decimal(value, 2)}
          values={names.map((x) =>
            names.map((y) => {
              const pearson = x === y ? null : between.get(`${x}\n${y}`)
              return pearson == null ? null : Math.abs(pearson)
            }),
          )}
        />
      )}
    </Section>
  )
}

function duplicateText({ rows, exact, standardError }: NonNullable<DatasetSummary['duplicates']>): string {
  if (rows === 0) return 'No row is there twice.'
  if (exact) return `${count(rows)} rows repeat another row.`
  return `About ${count(rows)} rows repeat another row (± ${count(standardError)}, from a sample of rows).`
}
