import { useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import { useParam } from '../kit/address.ts'
import { Button } from '../kit/Button.tsx'
import { EmptyState } from '../kit/EmptyState.tsx'
import { LoadedPage } from '../kit/LoadedPage.tsx'
import { Page, Section } from '../kit/Page.tsx'
import { Quiet } from '../kit/Table.tsx'
import { Tabs } from '../kit/Tabs.tsx'
import type { RunComparison } from './answers.ts'
import { runComparison } from './api.ts'
import { BarsView } from './BarsView.tsx'
import { ComparedData } from './ComparedData.tsx'
import { bestOf } from './compare-data.ts'
import { type Comparison, useComparison } from './compare-state.ts'
import styles from './Compare.module.css'
import { DifferenceTable, sideBySide } from './DifferenceTable.tsx'
import { MetricGroups } from './MetricGroups.tsx'
import { ParallelView } from './ParallelView.tsx'
import { ScatterView } from './ScatterView.tsx'

const curvesAtOnce = 30

const curves = { value: 'curves', label: 'Curves' }
const pictures = [
  { value: 'bars', label: 'Bars' },
  { value: 'scatter', label: 'Scatter' },
  { value: 'parallel', label: 'Parallel coordinates' },
]

/** What differs? */
export function ComparePage() {
  const [runs] = useParam('runs', '')
  const [parent] = useParam('parent', '')
  const query = useQuery(runComparison({ runs, parent }))
  if (runs === '' && parent === '')
    return (
      <Page title="Compare" crumbs={[{ label: 'Runs', href: '/runs' }]}>
        <EmptyState what="Select runs with x in the table of runs, then press c. Or open a sweep and compare what is nested in it." />
      </Page>
    )
  return (
    <LoadedPage query={query} title="Compare" of={{ label: 'Runs', href: '/runs' }}>
      {(data) => <CompareView data={data} />}
    </LoadedPage>
  )
}

function CompareView({ data }: { data: RunComparison }) {
  const comparison = useComparison(data)
  const options = hasCurves(data) ? [curves, ...pictures] : pictures
  const [view] = useParam('view', options[0]!.value)
  return (
    <Page title="Compare" crumbs={[{ label: 'Runs', href: '/runs' }]} lede={sentence(data, comparison)}>
      {data.missing.length > 0 && (
        <p>
          Not found: <code>{data.missing.slice(0, 10).join(', ')}</code>
        </p>
      )}
      {data.runs.length > 0 && (
        <>
          <DifferenceTable data={data} comparison={comparison} />
          {data.runs.length <= sideBySide && <ComparedData runs={data.runs} labels={comparison.labels} />}
          <div className={styles['views']}>
            <Tabs name="view" label="Pictures" options={options} />
            <Chosen comparison={comparison} />
          </div>
          {view === 'parallel' ? (
            <ParallelView data={data} comparison={comparison} />
          ) : view === 'scatter' ? (
            <ScatterView data={data} comparison={comparison} />
          ) : view === 'curves' && hasCurves(data) ? (
            <CurvesView data={data} comparison={comparison} />
          ) : (
            <BarsView data={data} comparison={comparison} />
          )}
        </>
      )}
    </Page>
  )
}

/** A metric has a curve when some run logged it at more than its first step. */
function hasCurves({ metrics }: RunComparison): boolean {
  return metrics.some(({ lastStep }) => lastStep > 0)
}

function sentence({ runs, params, cut }: RunComparison, { metric, labels }: Comparison): string {
  if (runs.length === 0) return 'None of these runs exists any more.'
  const differing = params.filter(({ differs }) => differs).map(({ key }) => key)
  const names =
    differing.length > 6
      ? `${differing.slice(0, 6).join(', ')} and ${differing.length - 6} more`
      : differing.join(', ')
  const what = differing.length === 0 ? 'the same params' : `different ${names}`
  const best = metric ? [...bestOf(metric.values, metric.lowerIsBetter ?? false)] : []
  const winners = best.length > 2 ? `${best.length} runs` : best.map((index) => labels[index]).join(' and ')
  const won =
    best.length === 0 ? '' : ` ${winners} ${best.length === 1 ? 'is' : 'are'} best by ${metric?.name}.`
  return `${runs.length} ${runs.length === 1 ? 'run' : 'runs'} with ${what}.${won}${cut ? ' There are more keys than are shown.' : ''}`
}

/** The ranges chosen on the axes hold for every picture. */
function Chosen({ comparison: { brushes, chosen, clearBrushes } }: { comparison: Comparison }) {
  if (brushes.size === 0) return null
  return (
    <span className={styles['chosen']}>
      {chosen.filter(Boolean).length} of {chosen.length} runs chosen
      <Button look="quiet" onPress={clearBrushes}>
        Choose all
      </Button>
    </span>
  )
}

function CurvesView({ data, comparison }: { data: RunComparison; comparison: Comparison }) {
  const { metric, chosen } = comparison
  const candidates = useMemo(() => {
    const value = (index: number) => metric?.values[index]
    const order = (index: number) => {
      const number = value(index)
      return typeof number === 'number' ? (metric?.lowerIsBetter ? number : -number) : Infinity
    }
    const indexes = data.runs.map((_, index) => index).filter((index) => chosen[index])
    return indexes.sort((a, b) => order(a) - order(b))
  }, [data.runs, chosen, metric])
  const runs = useMemo(
    () => candidates.slice(0, curvesAtOnce).flatMap((index) => data.runs[index] ?? []),
    [candidates, data.runs],
  )
  const keys = data.metrics.filter(({ lastStep }) => lastStep > 0).map(({ key }) => key)
  return (
    <>
      {candidates.length > runs.length && (
        <p>
          <Quiet>
            Curves of the {runs.length} best by {metric?.name} of {candidates.length} runs.
          </Quiet>
        </p>
      )}
      {runs.length === 0 ? (
        <Section title="Curves">
          <Quiet>No run lies in all the ranges chosen.</Quiet>
        </Section>
      ) : (
        <MetricGroups runs={runs} keys={keys} />
      )}
    </>
  )
}
