// Loads the project in the folder given as argument and tells its parent what it declares.
import { builtInSteps } from '../steps/definition.ts'
import { AppError, messageOf } from '../kernel/errors.ts'
import { describeProject, type Described } from './describe.ts'
import { locationIn, openProject } from './open.ts'
import { provideTidemill } from './tidemill-import.ts'

export type LoadMessage =
  | { ok: true; described: Described }
  | { ok: false; code: AppError['code']; message: string }

const root = process.argv[2]!

async function load(): Promise<LoadMessage> {
  try {
    provideTidemill()
    return {
      ok: true,
      described: await describeProject(root, await openProject(root), builtInSteps),
    }
  } catch (error) {
    if (error instanceof AppError) return { ok: false, code: error.code, message: error.message }
    const where = locationIn(root, error)
    return {
      ok: false,
      code: 'invalid',
      message: `${where === undefined ? '' : `${where}: `}${messageOf(error)}`,
    }
  }
}

const message = await load()
process.send!(message, () => process.exit(0))
