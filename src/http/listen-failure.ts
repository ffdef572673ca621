import { AppError, type ErrorCode } from '../kernel/errors.ts'

/** Why an address could not be listened at, with what would help; any other failure as it is. */
export function listenFailure(
  error: unknown,
  { host, port }: { host: string; port: number },
  setting: string,
): unknown {
  const why: Record<string, [ErrorCode, string]> = {
    EADDRINUSE: [
      'conflict',
      `Port ${port} of ${host} is in use. Stop what listens there, or choose another by ${setting}.`,
    ],
    EACCES: ['denied', `This user may not listen at port ${port} of ${host}; choose another by ${setting}.`],
    EADDRNOTAVAIL: ['invalid', `This machine has no address ${host} to listen at.`],
    ENOTFOUND: ['invalid', `There is no address of the name ${host} to listen at.`],
  }
  const known = why[(error as NodeJS.ErrnoException).code ?? '']
  return known ? new AppError(known[0], known[1], { cause: error }) : error
}
