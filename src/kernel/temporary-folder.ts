/** Where this process would write temporary files without `useTemporaryFolder`; empty for the system's own folder. */
const OUTER = 'OUTER_TMPDIR'
/** What one DuckDB may write to disk beside its memory, in MB. */
const SPILL = 'DUCKDB_MAX_SPILL_MB'
const SPILL_DEFAULT_MB = 10_240

/** What this process and processes of this program below it write for a while goes to this folder, until the disposal; and no DuckDB of theirs writes more. */
export function useTemporaryFolder(path: string, { maxSpillMb }: { maxSpillMb: number }): Disposable {
  process.env[SPILL] = String(maxSpillMb)
  process.env[OUTER] ??= process.env['TMPDIR'] ?? ''
  process.env['TMPDIR'] = path
  return {
    [Symbol.dispose]() {
      if (process.env['TMPDIR'] === path) Object.assign(process.env, outerTemporaryFolder())
    },
  }
}

/** For processes of this program, which use the same folder. */
export function temporaryFolder(): Record<string, string> {
  const { TMPDIR, [OUTER]: outer } = process.env
  if (TMPDIR === undefined || outer === undefined) return {}
  return { TMPDIR, [OUTER]: outer, [SPILL]: String(spillLimitMb()) }
}

/** The setting `maxSpillMb`, also in processes that are given no settings. */
export function spillLimitMb(): number {
  return Number(process.env[SPILL] ?? SPILL_DEFAULT_MB)
}

/** For programs of others: they keep to the folder that this process was started with, whatever it uses itself. */
export function outerTemporaryFolder(): Record<string, string> {
  const outer = process.env[OUTER]
  return outer === undefined ? {} : { TMPDIR: outer }
}
