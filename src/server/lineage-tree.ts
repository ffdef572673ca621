import type { LineageGraph } from './schema.ts'

type Node = LineageGraph['nodes'][number]

/**
 * A graph as a tree of text, from the node that was asked for in one direction. A node that several ways lead to is written out where it
 * comes first, and named as `(above)` afterwards.
 */
export function lineageTree({ start, nodes, edges, cut }: LineageGraph, direction: 'up' | 'down'): string {
  const byKey = new Map(nodes.map((node) => [node.key, node]))
  const [near, far] = direction === 'down' ? (['from', 'to'] as const) : (['to', 'from'] as const)
  const next = Map.groupBy(edges, (edge) => edge[near])
  const written = new Set<string>()
  const lines: string[] = []
  const write = (key: string, label: string, first: string, others: string): void => {
    const said = lineOf(byKey.get(key)!, label)
    const isKnown = written.has(key)
    lines.push(`${first}${said}${isKnown && next.has(key) ? ' (above)' : ''}`)
    if (isKnown) return
    written.add(key)
    const branches = next.get(key) ?? []
    for (const [index, edge] of branches.entries()) {
      const isLast = index === branches.length - 1
      write(edge[far], edge.label, others + (isLast ? '└─ ' : '├─ '), others + (isLast ? '   ' : '│  '))
    }
  }
  write(start, '', '', '')
  if (lines.length === 1)
    lines.push(direction === 'down' ? 'Nothing came of it yet.' : 'Where it came from is not known.')
  if (cut) lines.push(`There is more: these are the nearest ${nodes.length}.`)
  return lines.join('\n')
}

function lineOf({ kind, title, detail, atMs }: Node, label: string): string {
  const parts = [
    `${kind.replaceAll('_', ' ')} ${title}`,
    ...(detail === undefined ? [] : [detail]),
    ...(atMs === undefined ? [] : [new Date(atMs).toISOString().slice(0, 16).replace('T', ' ')]),
  ]
  return `${label === '' ? '' : `${label}: `}${parts.join(' · ')}`
}
