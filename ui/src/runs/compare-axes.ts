import { scaleLinear, scaleLog } from 'd3-scale'
import { numberText } from '../charts/ParallelCoordinates.tsx'
import { type Axis, valueAt } from './compare-data.ts'

const textsShown = 12

/** Round numbers along a numeric axis, or the texts of a categorical one, at their places. */
export function ticksOf(axis: Axis, count = 5): { place: number; text: string }[] {
  if (!axis.dimension.numeric) {
    const every = Math.ceil(axis.categories.length / textsShown)
    return axis.categories
      .filter((_, index) => index % every === 0)
      .map((text) => ({ place: axis.at(text) ?? 0, text }))
  }
  if (axis.low === axis.high) return [{ place: 0.5, text: numberText(axis.low) }]
  const scale = axis.log
    ? scaleLog([axis.low, axis.high], [0, 1])
    : scaleLinear([axis.low, axis.high], [0, 1])
  const ticks = scale.ticks(count)
  const kept =
    ticks.length > 2 * count
      ? ticks.filter((_, index) => index % Math.ceil(ticks.length / count) === 0)
      : ticks
  const texts = kept.map(numberText)
  // Close together, three decimals do not tell them apart.
  const text = new Set(texts).size < texts.length ? scale.tickFormat(count) : numberText
  return kept.map((value) => ({ place: scale(value), text: text(value).replace('-', '\u2212') }))
}

/** What stands at a place, in words. */
export function textAt(axis: Axis, place: number): string {
  if (axis.dimension.numeric) return numberText(valueAt(axis, place))
  const index = Math.round(place * Math.max(0, axis.categories.length - 1))
  return axis.categories[index] ?? ''
}
