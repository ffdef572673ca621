import { line, curveBumpX } from 'd3-shape'
import { type ReactNode, useMemo } from 'react'
import { ShowData } from './ChartFrame.tsx'
import styles from './Graph.module.css'
import { type GraphNode, layoutGraph, nodeHeight, nodeWidth } from './graph-layout.ts'

interface GraphProps<T extends GraphNode> {
  label: string
  nodes: T[]
  chosen?: string | undefined
  onChoose: (id: string) => void
  name: (node: T) => string
  detail: (node: T) => ReactNode
  /** Whether something flows out of this node now. */
  lit: (node: T) => boolean
  word: (node: T) => string
}

const path = line<{ x: number; y: number }>(
  (point) => point.x,
  (point) => point.y,
).curve(curveBumpX)

export function Graph<T extends GraphNode>({
  label,
  nodes,
  chosen,
  onChoose,
  name,
  detail,
  lit,
  word,
}: GraphProps<T>) {
  const shape = JSON.stringify(nodes.map((node) => [node.id, node.inputs]))
  const placed = useMemo(
    () => layoutGraph((JSON.parse(shape) as [string, string[]][]).map(([id, inputs]) => ({ id, inputs }))),
    [shape],
  )
  const byId = new Map(nodes.map((node) => [node.id, node]))
  return (
    <figure aria-label={label}>
      <div className={styles['scroll']} tabIndex={0} role="region" aria-label={label}>
        <div className={styles['plane']} style={{ width: placed.width, height: placed.height }}>
          <svg width={placed.width} height={placed.height} aria-hidden>
            {placed.edges.map((edge) => {
              const target = byId.get(edge.to)
              const active = target !== undefined && lit(target)
              return (
                <path
                  key={`${edge.from} ${edge.to}`}
                  d={path(edge.points) ?? ''}
                  fill="none"
                  stroke={active ? 'var(--accent)' : 'var(--line-strong)'}
                  strokeWidth={active ? 2 : 1.25}
                />
              )
            })}
          </svg>
          {placed.nodes.map(({ id, x, y }) => {
            const node = byId.get(id)
            if (node === undefined) return null
            return (
              <button
                key={id}
                type="button"
                className={styles['node']}
                aria-pressed={id === chosen}
                style={{ left: x, top: y, width: nodeWidth, height: nodeHeight }}
                onClick={() => onChoose(id)}
                data-row
              >
                <span className={styles['name']} title={name(node)}>
                  {name(node)}
                </span>
                <span className={styles['detail']}>{detail(node)}</span>
              </button>
            )
          })}
        </div>
      </div>
      <ShowData
        label={label}
        data={{
          columns: ['Step', 'State', 'After'],
          rows: () =>
            nodes.map((node) => [
              name(node),
              word(node),
              node.inputs
                .map((id) => byId.get(id))
                .map((input) => (input ? name(input) : '–'))
                .join(', '),
            ]),
        }}
      />
    </figure>
  )
}
