import { holdVersion } from '../data/data.ts'
import type { Context } from '../http/context.ts'
import { hashJson } from '../kernel/json.ts'
import { outputSchema, type Output, type Pin } from './schema.ts'
import { findPin, insertPin } from './store.ts'

/** A dataset version or a champion, as a run uses it. */
export interface Pinned {
  output: Output
  version: number
  /** Of the dataset version or the model version. */
  id: string
}

/** Where the newest dataset version and the champion of a model come from. */
export interface PinSources {
  /** Throws `not_found` when the dataset has no version. */
  dataset(projectId: string, name: string): Promise<Pinned>
  champion(projectId: string, name: string): Promise<Pinned | undefined>
}

/** What `latest` and `champion` mean in one run: looked up once, then pinned in the run. */
export class PinResolver {
  readonly #db: Context['db']
  readonly #run: { id: string; projectId: string }
  readonly #sources: PinSources
  readonly #pins = new Map<string, Promise<Pinned | undefined>>()

  constructor({ db }: Pick<Context, 'db'>, run: { id: string; projectId: string }, sources: PinSources) {
    this.#db = db
    this.#run = run
    this.#sources = sources
  }

  resolve(kind: Pin['kind'], name: string): Promise<Pinned | undefined> {
    const key = `${kind} ${name}`
    const known = this.#pins.get(key)
    if (known) return known
    const pinned = this.#resolve(kind, name)
    this.#pins.set(key, pinned)
    return pinned
  }

  async #resolve(kind: Pin['kind'], name: string): Promise<Pinned | undefined> {
    const { id: runId, projectId } = this.#run
    const known = await findPin(this.#db.read, { runId, kind, name })
    if (known) return toPinned(known)
    const found = await this.#sources[kind](projectId, name)
    const value = found ? { ...found } : {}
    const pin = await this.#db.write(async (trx) => {
      // A newer version may have come since, and retention taken this one.
      if (kind === 'dataset' && found && !(await holdVersion(trx, found.id))) return undefined
      const nowMs = await this.#db.wallTime(trx)
      return await insertPin(trx, { runId, projectId, pin: { kind, name, value }, nowMs })
    })
    return pin ? toPinned(pin) : await this.#resolve(kind, name)
  }
}

function toPinned({ value }: Pin): Pinned | undefined {
  if (value['output'] === undefined) return undefined
  return {
    output: outputSchema.parse(value['output']),
    version: value['version'] as number,
    id: value['id'] as string,
  }
}

/** A version as the value that a pipeline's function reads. */
export function versionOutput(version: number): Output {
  return { kind: 'json', sha256: hashJson(version), value: version }
}
