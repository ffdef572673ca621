import type { Context } from '../http/context.ts'
import { systemActor } from '../kernel/actor.ts'
import { AppError } from '../kernel/errors.ts'
import { getModelVersion } from '../registry/registry.ts'
import { classProbabilities } from '../serving/serving.ts'
import type { Signature } from '../serving/schema.ts'
import type { ScoredBy } from './label-effects.ts'
import type { ClassOutput, VersionKey } from './label-match.ts'
import { LayoutCache } from './layout-cache.ts'

const joiner = systemActor('label join')

/** What a label join must know of the versions that made its predictions, each read once. */
export class VersionFacts {
  readonly #context: Pick<Context, 'db' | 'artifacts'>
  readonly #projectId: string
  readonly #layouts: LayoutCache
  readonly #known = new Map<string, ScoredBy & { output: string | null }>()

  constructor(context: Pick<Context, 'db' | 'artifacts'>, projectId: string) {
    this.#context = context
    this.#projectId = projectId
    this.#layouts = new LayoutCache(context.artifacts)
  }

  /** Reads what is not known yet; answers which of the versions are of several classes. */
  async load(versions: readonly VersionKey[]): Promise<ClassOutput[]> {
    const outputs: ClassOutput[] = []
    for (const key of versions) {
      const name = nameOf(key)
      const facts = this.#known.get(name) ?? (await this.#read(key))
      this.#known.set(name, facts)
      if (facts.task === 'multiclass') outputs.push({ ...key, output: facts.output })
    }
    return outputs
  }

  of(row: VersionKey): ScoredBy {
    return this.#known.get(nameOf(row))!
  }

  async #read(key: VersionKey): Promise<ScoredBy & { output: string | null }> {
    try {
      const version = await getModelVersion(this.#context, {
        projectId: this.#projectId,
        ...key,
        actor: joiner,
      })
      const { task = 'binary', layoutSha256 = null } = version
      const layout = layoutSha256 === null ? null : await this.#layouts.get(layoutSha256)
      const known = { task, layoutSha256, layout, output: null }
      if (task !== 'multiclass') return known
      const signature = version.signature as Signature | undefined
      const output = (signature && classProbabilities(signature)) ?? null
      const classes = signature?.classes?.map(String)
      return { ...known, output, decidesOnly: output === null, ...(classes && { classes }) }
    } catch (error) {
      // A model that is served elsewhere, or was deleted since: its labels count for nothing but the joined rows.
      if (error instanceof AppError && error.code === 'not_found')
        return { task: 'binary', layoutSha256: null, layout: null, output: null }
      throw error
    }
  }
}

function nameOf({ model, version }: VersionKey): string {
  return `${model}/${version}`
}
