import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { lazyAnalytics } from '../ports/analytics/lazy.ts'
import type { ImportedTask } from './schema.ts'
import { openGraph } from './open-graph.ts'
import { featuresOf, loadTable, scoreClasses, scoreTable, type TableSource } from './scored-table.ts'
import { askProcess } from './trial-process.ts'

const SCRIPT = fileURLToPath(
  new URL(`./scoring-child${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url),
)
/** A table is bounded; this bounds what a graph may do with it. */
const LIMIT_MS = 600_000

export interface ScoreFile {
  /** Path of an ONNX graph. */
  onnx: string
  /** Rows with the features of the model; those without a label are left out. */
  table: TableSource
  task: ImportedTask
  /** Names the columns of a graph that takes them all in one input. */
  features?: readonly string[] | undefined
}

/**
 * The scores of a graph over a table: the probability of class 1 or the value of each row, or with classes the probabilities of each row
 * one after another. The graph runs in a process of its own. Throws `invalid` when the two do not fit, or it does not come to an end.
 */
export async function scoreInProcess(job: ScoreFile, { limitMs = LIMIT_MS } = {}): Promise<Float64Array> {
  const folder = await mkdtemp(join(tmpdir(), 'tidemill-scores-'))
  try {
    const scoresPath = join(folder, 'scores')
    await askProcess(SCRIPT, { ...job, scoresPath }, { limitMs })
    const bytes = await readFile(scoresPath)
    return new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** The child's part. */
export async function scoreFile({
  onnx,
  table: source,
  task,
  features,
  scoresPath,
}: ScoreFile & { scoresPath: string }): Promise<{ rows: number }> {
  await using analytics = lazyAnalytics({ memoryLimit: '1GB' })
  await using session = await openGraph(onnx)
  const table = await loadTable(analytics, source, featuresOf(session, features))
  const scores =
    task === 'multiclass'
      ? await scoreClasses(session, table, { classes: source.classes?.length ?? 0, features })
      : await scoreTable(session, table, { task, features })
  await writeFile(scoresPath, new Uint8Array(scores.buffer))
  return { rows: table.rows }
}
