import { z } from 'zod'

/** Rows × named columns. NaN is a missing number; code -1 is a missing category. */
export interface Frame {
  readonly rows: number
  readonly columns: Readonly<Record<string, Column>>
}

export type Column = NumberColumn | CategoryColumn

export interface NumberColumn {
  readonly kind: 'number'
  readonly values: Float64Array
}

/** `codes[row]` is a place in `categories`. Each frame may have categories of its own: learners match them by text. */
export interface CategoryColumn {
  readonly kind: 'category'
  readonly codes: Int32Array
  readonly categories: readonly string[]
}

export const FeatureSpec = z.strictObject({
  name: z.string().min(1),
  kind: z.enum(['number', 'category']),
})
export type FeatureSpec = z.infer<typeof FeatureSpec>

export const Task = z.enum(['binary', 'regression', 'multiclass'])
export type Task = z.infer<typeof Task>

const PriorParams = z.strictObject({})

export const LogisticParams = z.strictObject({
  /** Penalty ½·l2·|w|² on the sum of the losses; numbers are standardised first, the intercept is free. */
  l2: z.number().min(0).default(1),
  /** Newton steps. */
  maxIterations: z.int().min(1).max(1000).default(100),
  /** Stops when the gradient's norm has shrunk to this share of where it began. */
  tolerance: z.number().gt(0).max(0.1).default(1e-8),
  /** A category with fewer training rows has no weight of its own: it is treated as unseen. */
  minCategoryRows: z.int().min(1).default(10),
})
export type LogisticParams = z.infer<typeof LogisticParams>

export const TreesParams = z.strictObject({
  /** Boosting rounds (each grows one tree, or one for each class of a multiclass task). */
  trees: z.int().min(1).max(10_000).default(100),
  leaves: z.int().min(2).max(1024).default(31),
  /** Deepest level of a leaf; 0 is no limit. */
  maxDepth: z.int().min(0).default(0),
  learningRate: z.number().gt(0).max(1).default(0.1),
  /** Bins of a feature, one of them for missing values. */
  maxBins: z.int().min(3).max(255).default(255),
  minRowsInLeaf: z.int().min(1).default(20),
  minHessianInLeaf: z.number().min(0).default(1e-3),
  /** A split must gain more than this. */
  minGain: z.number().min(0).default(0),
  l2: z.number().min(0).default(0),
  /** Added to the hessian when categories are sorted; categories with fewer rows are not split on. */
  catSmooth: z.number().min(0).default(10),
  /** Further L2 in splits on sorted categories. */
  catL2: z.number().min(0).default(10),
  /** Most categories on the smaller side of a split. */
  maxCategoriesInSplit: z.int().min(1).default(32),
  /** Features with at most this many categories are split one against the rest. */
  maxCategoriesOneHot: z.int().min(0).default(4),
  /** Fewest rows by which a growing set of categories advances. */
  minRowsPerGroup: z.int().min(1).default(100),
  /** Share of the rows that each round sees. */
  rowFraction: z.number().gt(0).max(1).default(1),
  /** Share of the features that each tree sees. */
  featureFraction: z.number().gt(0).max(1).default(1),
  /** Stops when the validation loss has not improved for this many rounds; needs a validation frame, where it defaults to 50. */
  earlyStoppingRounds: z.int().min(1).optional(),
})
export type TreesParams = z.infer<typeof TreesParams>

export const learnerParams = {
  prior: PriorParams,
  logistic: LogisticParams,
  trees: TreesParams,
} as const
export type Learner = keyof typeof learnerParams
