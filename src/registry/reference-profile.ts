import type { Context } from '../http/context.ts'
import { AppError } from '../kernel/errors.ts'
import type { StoredBlob } from '../ports/artifacts/artifacts.ts'
import { equalWidthBins, freezeCategoryBins, freezeNumericBins, type FrozenBins } from '../statistics/bins.ts'
import {
  addInto,
  emptyProfile,
  encodeProfile,
  observe,
  observeLabel,
  prepareLayout,
  type LayoutDefinition,
  type Profile,
  type ProfileLayout,
} from '../statistics/profile.ts'
import {
  featuresOf,
  loadTable,
  openGraph,
  scoreTable,
  type FeatureColumn,
  type Table,
  type TableSource,
} from '../model-files/model-files.ts'
import type { Task } from './definition.ts'

const FEATURE_BINS = 20
const CATEGORIES = 50
/** Equal for every version of a binary model, so that variants compare. */
const PROBABILITY_BINS = 100
const VALUE_BINS = 40

/** What a version looked like when it was registered: frozen bins, and the counts over them by day. JSON as it is. */
export interface ReferenceProfile {
  layout: LayoutDefinition
  days: { day: string; rows: number; labelSum: number; profile: string }[]
  total: string
}

/**
 * Freezes bins over a table (features by equal counts, probabilities by equal width) and counts it by day: features, the model's scores, and
 * scores by label. Profiles are base64 of `encodeProfile`.
 */
export async function buildReferenceProfile(
  { analytics }: Pick<Context, 'analytics'>,
  input: {
    source: TableSource
    onnx: string | Uint8Array
    task: Task
    features?: readonly string[] | undefined
  },
): Promise<ReferenceProfile> {
  await using session = await openGraph(input.onnx)
  const features = featuresOf(session, input.features)
  const table = await loadTable(analytics, input.source, features, { onlyDays: true })
  const scores = await scoreTable(session, table, { task: input.task, features: input.features })
  const definition = freezeLayout(input.task, table, features, scores)
  return { layout: definition, ...countByDay(prepareLayout(definition), table, features, scores) }
}

function freezeLayout(
  task: Task,
  { columns, labels }: Pick<Table, 'columns' | 'labels'>,
  features: readonly string[],
  scores: Float64Array,
): LayoutDefinition {
  return {
    features: features.map((name) => ({ name, bins: freezeColumn(columns[name]!) })),
    score:
      task === 'binary'
        ? equalWidthBins(0, 1, PROBABILITY_BINS)
        : freezeNumericBins(scores, { bins: VALUE_BINS }),
    label:
      task === 'binary'
        ? { kind: 'category', categories: ['0', '1'] }
        : freezeNumericBins(labels, { bins: VALUE_BINS }),
  }
}

function freezeColumn(column: FeatureColumn): FrozenBins {
  if (!Array.isArray(column)) return freezeNumericBins(column, { bins: FEATURE_BINS })
  const counts = new Map<string, number>()
  for (const value of column) if (value !== '') counts.set(value, (counts.get(value) ?? 0) + 1)
  return freezeCategoryBins(counts, { max: CATEGORIES })
}

function countByDay(
  layout: ProfileLayout,
  { labels, block, days, columns }: Table,
  features: readonly string[],
  scores: Float64Array,
): Pick<ReferenceProfile, 'days' | 'total'> {
  const profiles = days.map(() => emptyProfile(layout))
  const counted = days.map(() => ({ rows: 0, labelSum: 0 }))
  const read = features.map((name) => columns[name]!)
  const values: unknown[] = features.map(() => null)
  for (let row = 0; row < labels.length; row++) {
    const day = block[row]!
    for (let i = 0; i < read.length; i++) values[i] = cell(read[i]![row]!)
    const scoreCell = observe(layout, profiles[day]!, values, scores[row])
    observeLabel(layout, profiles[day]!, scoreCell, labels[row])
    counted[day]!.rows++
    counted[day]!.labelSum += labels[row]!
  }
  const total = emptyProfile(layout)
  for (const profile of profiles) addInto(total, profile)
  const listed = days.map((day, index) => ({ day, ...counted[index]!, profile: base64(profiles[index]!) }))
  return { days: listed, total: base64(total) }
}

/** What is missing is null, as the gateway logs it. */
function cell(value: number | string): number | string | null {
  return value === '' || Number.isNaN(value) ? null : value
}

function base64(profile: Profile): string {
  return Buffer.from(encodeProfile(profile)).toString('base64')
}

/** Stores a reference profile as a blob; `registerVersion` takes it as `layout`. */
export async function storeReferenceProfile(
  { artifacts }: Pick<Context, 'artifacts'>,
  profile: ReferenceProfile,
): Promise<StoredBlob> {
  return await artifacts.put(Buffer.from(JSON.stringify(profile)))
}

/** Reads what `storeReferenceProfile` stored. */
export async function readReferenceProfile(
  { artifacts }: Pick<Context, 'artifacts'>,
  sha256: string,
): Promise<ReferenceProfile> {
  const profile = JSON.parse(
    Buffer.from(await artifacts.bytes(sha256)).toString(),
  ) as Partial<ReferenceProfile>
  if (profile.layout && profile.days && profile.total !== undefined) return profile as ReferenceProfile
  throw new AppError('invalid', `The blob ${sha256} is no reference profile`)
}
