import { AppError } from '../kernel/errors.ts'
import { requireArtifactPath } from './keys.ts'

const SCHEME = 'mlflow-artifacts:/'

/** The folder below the artifact root that an artifact URI names. Throws `invalid` for one that is stored elsewhere. */
export function folderOf(artifactUri: string): string {
  if (!isStoredHere(artifactUri))
    throw new AppError('invalid', `The artifacts at ${artifactUri} are not stored here`)
  const folder = artifactUri.slice(SCHEME.length).replaceAll(/^\/+|\/+$/g, '')
  requireArtifactPath(folder)
  return folder
}

/** Whether an artifact URI names files that this server stores. */
export function isStoredHere(artifactUri: string): boolean {
  return artifactUri.startsWith(SCHEME) && !artifactUri.startsWith(`${SCHEME}/`)
}
