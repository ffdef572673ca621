/** Where this process would write temporary files without `useTemporaryFolder`; empty for the system's own folder. */
const OUTER = 'OUTER_TMPDIR'

/** What this process and processes of this program below it write for a while goes to this folder, until the disposal. */
export function useTemporaryFolder(path: string): Disposable {
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
  return TMPDIR === undefined || outer === undefined ? {} : { TMPDIR, [OUTER]: outer }
}

/** For programs of others: they keep to the folder that this process was started with, whatever it uses itself. */
export function outerTemporaryFolder(): Record<string, string> {
  const outer = process.env[OUTER]
  return outer === undefined ? {} : { TMPDIR: outer }
}
