/**
 * Statements of one transaction that do not wait for each other's answers: PostgreSQL gets them in one go, in this order. All have
 * ended when it returns, so that none runs after the rollback; throws what the first of them threw. What may throw by itself comes before
 * the call: among its arguments it would leave those that have begun to run alone.
 */
export async function together<T extends readonly Promise<unknown>[]>(
  ...statements: T
): Promise<{ -readonly [Index in keyof T]: Awaited<T[Index]> }> {
  await Promise.allSettled(statements)
  return await Promise.all(statements)
}
