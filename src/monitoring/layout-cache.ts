import type { Artifacts } from '../ports/artifacts/artifacts.ts'
import { prepareLayout, type LayoutDefinition, type ProfileLayout } from '../statistics/profile.ts'

/** Layouts by the blob that they lie in, each read once. */
export class LayoutCache {
  readonly #artifacts: Pick<Artifacts, 'bytes'>
  readonly #layouts = new Map<string, Promise<ProfileLayout>>()

  constructor(artifacts: Pick<Artifacts, 'bytes'>) {
    this.#artifacts = artifacts
  }

  get(sha256: string): Promise<ProfileLayout> {
    const known = this.#layouts.get(sha256)
    if (known) return known
    const read = this.#artifacts.bytes(sha256).then((bytes) => {
      const { layout } = JSON.parse(Buffer.from(bytes).toString('utf8')) as { layout: LayoutDefinition }
      return prepareLayout({ features: layout.features, score: layout.score, label: layout.label })
    })
    this.#layouts.set(sha256, read)
    return read
  }
}
