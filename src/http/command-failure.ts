import { AppError, toAppError, type ErrorCode } from '../kernel/errors.ts'

const WHY: Readonly<Record<string, [ErrorCode, string]>> = {
  ENOSPC: ['unavailable', 'The disk is full'],
  EDQUOT: ['unavailable', 'The disk quota is used up'],
  EROFS: ['denied', 'The file system can only be read'],
  EACCES: ['denied', 'This user may not do that with the file'],
  EPERM: ['denied', 'This user may not do that with the file'],
  EMFILE: ['unavailable', 'This process may open no more files (ulimit -n)'],
}

/** SQLite's extended result codes, of which the lowest byte is the cause. */
const SQLITE: Readonly<Record<number, keyof typeof WHY>> = { 8: 'EROFS', 13: 'ENOSPC' }

/** As `toAppError`, for who runs a command on this machine: what the system refused is said with its path. */
export function commandFailure(error: unknown): AppError {
  const { code = '', path, errcode = 0 } = (error ?? {}) as NodeJS.ErrnoException & { errcode?: number }
  const why = WHY[SQLITE[errcode & 0xff] ?? code]
  if (error instanceof AppError || why === undefined) return toAppError(error)
  return new AppError(why[0], path === undefined ? why[1] : `${why[1]}: ${path}`, { cause: error })
}
