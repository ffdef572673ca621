import { randomUUID } from 'node:crypto'
import { AppError } from '../../kernel/errors.ts'
import type { OnlineClaim, OnlineWrite } from './online.ts'

export const LEASE_MS = 10_000
const EXTEND_MS = 3_000

/**
 * What a store does for the holder of a claim, each step all or nothing. All but `take` reject with `conflict` when
 * `holder` is not the holder of the view any more.
 */
export interface ClaimSteps {
  /** Rows that one step writes. */
  readonly pieceRows: number
  /** Takes the claim unless the lease of another holds, and forgets what that one staged. Resolves to the marks; undefined when it is held. */
  take(view: string, holder: string): Promise<string[] | undefined>
  extend(view: string, holder: string): Promise<void>
  write(view: string, holder: string, rows: readonly OnlineWrite[]): Promise<void>
  /** Opens a place for rows that nobody reads yet. From now on what others write goes there too. */
  stage(view: string, holder: string): Promise<string>
  writeStaged(view: string, holder: string, stage: string, rows: readonly OnlineWrite[]): Promise<void>
  /** Copies a piece of the rows that came by themselves and are newer than staged ones. Resolves to where to go on; null at the end. */
  carry(view: string, holder: string, stage: string, after: string | null): Promise<string | null>
  /** Makes the staged rows the view's. */
  swap(view: string, holder: string, stage: string): Promise<void>
  finish(view: string, holder: string, mark: string): Promise<void>
  release(view: string, holder: string): Promise<void>
}

export function lostClaim(view: string): AppError {
  return new AppError(
    'conflict',
    `Another process has taken over ${view}; what this one computed is not written`,
  )
}

export async function openClaim(steps: ClaimSteps, view: string): Promise<OnlineClaim | undefined> {
  const holder = randomUUID()
  const marks = await steps.take(view, holder)
  if (marks === undefined) return undefined
  // Who lost it learns so from the next step; a store that is away is asked again.
  const timer = setInterval(() => void steps.extend(view, holder).catch(() => {}), EXTEND_MS)
  const inPieces = async (
    rows: readonly OnlineWrite[],
    write: (piece: readonly OnlineWrite[]) => Promise<void>,
  ): Promise<void> => {
    for (let start = 0; start < rows.length; start += steps.pieceRows) {
      await write(rows.slice(start, start + steps.pieceRows))
    }
  }
  return {
    marks,
    write: (rows) => inPieces(rows, (piece) => steps.write(view, holder, piece)),
    async replace(chunks) {
      let given = 0
      const stage = await steps.stage(view, holder)
      for await (const rows of chunks) {
        given += rows.length
        await inPieces(rows, (piece) => steps.writeStaged(view, holder, stage, piece))
      }
      let after: string | null = null
      do after = await steps.carry(view, holder, stage, after)
      while (after !== null)
      await steps.swap(view, holder, stage)
      return given
    },
    finish: (mark) => steps.finish(view, holder, mark),
    async [Symbol.asyncDispose]() {
      clearInterval(timer)
      // Where the store is away the lease runs out.
      await steps.release(view, holder).catch(() => {})
    },
  }
}

export function checkRows(rows: readonly OnlineWrite[]): void {
  const wrong = rows.find(
    ({ eventMs, createdMs }) => !Number.isSafeInteger(eventMs) || !Number.isSafeInteger(createdMs),
  )
  if (wrong)
    throw new AppError(
      'invalid',
      `The times of ${wrong.entityKey} must be whole milliseconds since the epoch`,
    )
}
