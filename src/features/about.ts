import { z } from 'zod'
import type { Feature, FeatureKind } from './feature.ts'

/** What people say of a definition. It changes nothing that is computed, so it is in no definition hash. */
export const aboutFields = {
  owner: z.string().min(1).max(200).optional(),
  description: z.string().min(1).max(4000).optional(),
  tags: z
    .array(z.string().regex(/^[^\s,]{1,100}$/, 'A tag has no spaces and no commas'))
    .max(50)
    .optional(),
}

export const descriptions = z.record(z.string(), z.string().min(1).max(1000))

/** The same, and what each feature means, by its name. */
export const aboutFeatures = { ...aboutFields, descriptions: descriptions.optional() }

const aboutSchema = z.object(aboutFeatures)
export type About = z.infer<typeof aboutSchema>

/** What a definition says of itself beside what is computed. */
export function aboutOf(definition: About): About {
  return aboutSchema.parse(definition)
}

export interface AboutOptions {
  /** A user's name, or `team:<name>`. */
  owner?: string
  description?: string
  tags?: readonly string[]
}

/** Features by name: the kind alone, or with what the feature means. */
export type DescribedKinds = Readonly<
  Record<string, FeatureKind | { readonly kind: FeatureKind; readonly description?: string }>
>

export function toList(features: DescribedKinds): Feature[] {
  return Object.entries(features).map(([name, given]) => ({
    name,
    kind: typeof given === 'string' ? given : given.kind,
  }))
}

/** What is said of features, as a definition keeps it; nothing when nothing is said. */
export function describedBy(features: DescribedKinds): Pick<About, 'descriptions'> {
  const said = Object.entries(features).flatMap(([name, given]) =>
    typeof given === 'string' || given.description === undefined ? [] : [[name, given.description] as const],
  )
  return said.length === 0 ? {} : { descriptions: Object.fromEntries(said) }
}

/** A service also says what the fields of requests mean that it takes as they are. */
export function aboutOfService({
  of,
  ...about
}: About & { of: readonly (string | Pick<About, 'descriptions'>)[] }): About {
  const said = of.flatMap((each) =>
    typeof each === 'string' || each.descriptions === undefined ? [] : [each.descriptions],
  )
  return {
    ...about,
    ...(said.length > 0 && { descriptions: Object.assign({}, ...said) as Record<string, string> }),
  }
}
