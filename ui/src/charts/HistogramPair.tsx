import { compact, share } from '../format.ts'
import { ShowData } from './ChartFrame.tsx'

interface HistogramProps {
  label: string
  /** One name for each bar: a bin "0–10" or a category. */
  bins: string[]
  now: number[]
  /** Same bins, drawn as an outline behind; each is scaled to its own total. */
  reference?: number[]
  width?: number
  height?: number
  /** Never wider than what it stands in. Not for a table's cell, which would shrink to nothing. */
  fluid?: boolean
  data?: boolean
}

export function HistogramPair({
  label,
  bins,
  now,
  reference,
  width = 168,
  height = 40,
  data = false,
  fluid = data,
}: HistogramProps) {
  const shares = toShares(now)
  const before = reference ? toShares(reference) : undefined
  const top = Math.max(...shares, ...(before ?? []), 1e-9)
  const bar = width / Math.max(1, bins.length)
  const y = (value: number) => height - (value / top) * (height - 2)
  const outline = before
    ?.map((value, index) => `${index === 0 ? 'M' : 'L'}${index * bar},${y(value)}H${(index + 1) * bar}`)
    .join('')
  return (
    <figure aria-label={label}>
      <svg
        width={width}
        height={height}
        viewBox={`0 0 ${width} ${height}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={label}
        style={{ display: 'block', ...(fluid && { maxWidth: '100%' }) }}
      >
        {shares.map((value, index) => (
          <rect
            key={bins[index]}
            x={index * bar + 0.5}
            y={y(value)}
            width={Math.max(1, bar - 1)}
            height={Math.max(value > 0 ? 1 : 0, height - y(value))}
            fill="var(--c0)"
            opacity={before ? 0.45 : 0.6}
          >
            <title>{`${bins[index]}: ${compact(now[index] ?? 0)} (${share(value)})`}</title>
          </rect>
        ))}
        {outline !== undefined && <path d={outline} fill="none" stroke="var(--ink-2)" strokeWidth={1.25} />}
        <line x1={0} x2={width} y1={height - 0.5} y2={height - 0.5} stroke="var(--line-strong)" />
      </svg>
      {data && (
        <ShowData
          label={label}
          data={{
            columns: ['Bin', 'Now', ...(before ? ['Before'] : [])],
            rows: () =>
              bins.map((bin, index) => [
                bin,
                share(shares[index] ?? 0),
                ...(before ? [share(before[index] ?? 0)] : []),
              ]),
          }}
        />
      )}
    </figure>
  )
}

function toShares(counts: number[]): number[] {
  const total = counts.reduce((sum, one) => sum + one, 0)
  return counts.map((one) => (total === 0 ? 0 : one / total))
}
