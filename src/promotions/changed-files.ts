import { diffLines } from 'diff'
import type { ChangedFile } from './schema.ts'

/** Longer files are said to differ without counting their lines. */
const MOST_CHARACTERS = 200_000

/** What one code snapshot has otherwise than the other, by path. */
export function changedFiles(
  one: ReadonlyMap<string, string>,
  other: ReadonlyMap<string, string>,
): ChangedFile[] {
  const paths = [...new Set([...one.keys(), ...other.keys()])].sort()
  return paths.flatMap((path) => {
    const [now, before] = [one.get(path), other.get(path)]
    if (now === before) return []
    const change = before === undefined ? 'added' : now === undefined ? 'removed' : 'changed'
    return [{ path, change, ...changedLines(now ?? '', before ?? '') } as const]
  })
}

function changedLines(now: string, before: string): { addedLines: number; removedLines: number } {
  if (now.length + before.length > MOST_CHARACTERS) return { addedLines: 0, removedLines: 0 }
  let [addedLines, removedLines] = [0, 0]
  for (const { added, removed, count } of diffLines(before, now)) {
    if (added) addedLines += count
    if (removed) removedLines += count
  }
  return { addedLines, removedLines }
}
