import type { Context } from '../http/context.ts'
import { currentKey, leaveOutErased, protectionOf, usesKey, type Protection } from '../privacy/privacy.ts'
import type { Dataset } from './schema.ts'

/** What is done with a dataset's personal columns and with rows of people who were erased, before rows are stored. */
export async function protectionOfDataset(
  context: Pick<Context, 'config' | 'db' | 'clock' | 'ids'>,
  { projectId, definition: { personal } }: Dataset,
): Promise<Protection> {
  return protectionOf(
    personal,
    usesKey(personal) ? await currentKey(context, projectId) : undefined,
    await leaveOutErased(context, projectId),
  )
}
