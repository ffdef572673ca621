import type { LineageNode } from '../lineage/answers.ts'

export interface UsedData {
  name: string
  version: number
  href: string
}

/** The versions of datasets in what a run came from; the address of each has its name and its number. */
export function usedData(nodes: readonly LineageNode[]): UsedData[] {
  return nodes
    .flatMap(({ kind, href }): UsedData[] => {
      const [, name, version] = /^\/datasets\/([^?]+)\?version=(\d+)$/.exec(href ?? '') ?? []
      return kind === 'dataset_version' && name !== undefined && href !== undefined
        ? [{ name: decodeURIComponent(name), version: Number(version), href }]
        : []
    })
    .sort((a, b) => a.name.localeCompare(b.name) || a.version - b.version)
}

/** The datasets that runs used in several versions, from the oldest of them to the newest. */
export function differencesOf(
  used: readonly (readonly UsedData[])[],
): { name: string; from: number; to: number }[] {
  const versions = Map.groupBy(used.flat(), ({ name }) => name)
  return [...versions].flatMap(([name, data]) => {
    const numbers = data.map(({ version }) => version)
    const [from, to] = [Math.min(...numbers), Math.max(...numbers)]
    return from === to ? [] : [{ name, from, to }]
  })
}
