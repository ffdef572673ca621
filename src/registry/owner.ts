import type { Actor } from '../kernel/actor.ts'

/** Whether a model is this person's. */
export function ownsModel(owner: string | null, actor: Actor): boolean {
  return owner !== null && owner === actor.name
}
