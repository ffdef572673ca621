import { readFile, readdir, writeFile, mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { styleText } from 'node:util'
import { createTwoFilesPatch } from 'diff'

/**
 * Puts the files of a change over a project, as a person would edit them. Returns the change as a unified diff.
 */
export async function applyChange(changeFolder: string, projectFolder: string): Promise<string> {
  const patches: string[] = []
  const entries = await readdir(changeFolder, { recursive: true, withFileTypes: true })
  for (const entry of entries.filter((each) => each.isFile())) {
    const path = join(entry.parentPath, entry.name)
    const name = path.slice(changeFolder.length + 1)
    const target = join(projectFolder, name)
    const before = await readFile(target, 'utf8').catch(() => '')
    const after = await readFile(path, 'utf8')
    if (before === after) continue
    patches.push(createTwoFilesPatch(name, name, before, after, undefined, undefined, { context: 1 }))
    await mkdir(dirname(target), { recursive: true })
    await writeFile(target, after)
  }
  return patches.join('\n')
}

/** A diff for a terminal: without its headers' noise, added lines green, removed ones red. */
export function colourDiff(diff: string): string {
  return diff
    .split('\n')
    .filter((line) => !/^(=====|\\ No newline)/.test(line) && line !== '')
    .map((line) => {
      if (line.startsWith('+')) return styleText('green', line)
      if (line.startsWith('-')) return styleText('red', line)
      return styleText('dim', line)
    })
    .join('\n')
}
