import { wordsOf } from '../kernel/words.ts'
import { TAGS, type Tag } from './schema.ts'

/** Of what MLflow's clients write into tags, only this is worth finding a run by. */
const FOUND_BY: ReadonlySet<string> = new Set([
  TAGS.runName,
  TAGS.note,
  TAGS.user,
  'mlflow.source.name',
  'mlflow.source.git.commit',
])
const WORDS = 12
const WORDS_OF_NOTE = 200
/** What one call adds at most: search is no reason to hold a transaction long. */
const MAX_ROWS = 400

/** The words that a run is found by, with the tag that has them. The name of a run is one of its tags. */
export function wordsOfTags(tags: readonly Tag[]): { key: string; word: string }[] {
  return tags
    .filter(({ key }) => isFoundBy(key))
    .flatMap(({ key, value }) =>
      wordsOf(value, key === TAGS.note ? WORDS_OF_NOTE : WORDS).map((word) => ({ key, word })),
    )
    .slice(0, MAX_ROWS)
}

export function isFoundBy(key: string): boolean {
  return !key.startsWith('mlflow.') || FOUND_BY.has(key)
}
