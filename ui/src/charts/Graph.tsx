import { line, curveBumpX } from 'd3-shape'
import { type ReactNode, useEffect, useMemo, useRef } from 'react'
import { Link } from 'wouter'
import fade from '../kit/Fade.module.css'
import { type DataTable, ShowData } from './ChartFrame.tsx'
import styles from './Graph.module.css'
import { type GraphNode, layoutGraph, type NodeSize } from './graph-layout.ts'

interface GraphProps<T extends GraphNode> {
  label: string
  nodes: T[]
  chosen?: string | undefined
  /** What a press on a node does: choose it, or go to its page. */
  press: { choose: (id: string) => void } | { href: (node: T) => string }
  name: (node: T) => string
  detail: (node: T) => ReactNode
  /** Whether something flows out of this node now. */
  lit?: (node: T) => boolean
  size?: NodeSize
  data: DataTable
}

const SMALL: NodeSize = { width: 144, height: 48 }

const path = line<{ x: number; y: number }>(
  (point) => point.x,
  (point) => point.y,
).curve(curveBumpX)

export function Graph<T extends GraphNode>({
  label,
  nodes,
  chosen,
  press,
  name,
  detail,
  lit,
  size = SMALL,
  data,
}: GraphProps<T>) {
  const shape = JSON.stringify(nodes.map((node) => [node.id, node.inputs]))
  const placed = useMemo(
    () =>
      layoutGraph(
        (JSON.parse(shape) as [string, string[]][]).map(([id, inputs]) => ({ id, inputs })),
        { width: size.width, height: size.height },
      ),
    [shape, size.width, size.height],
  )
  const scroll = useScrollTo(placed.nodes.find(({ id }) => id === chosen)?.x, size.width)
  const byId = new Map(nodes.map((node) => [node.id, node]))
  return (
    <figure aria-label={label}>
      <div
        className={`${styles['scroll']} ${fade['fade']}`}
        tabIndex={0}
        role="region"
        aria-label={label}
        ref={scroll}
      >
        <div className={styles['plane']} style={{ width: placed.width, height: placed.height }}>
          <svg width={placed.width} height={placed.height} aria-hidden>
            {placed.edges.map((edge) => {
              const target = byId.get(edge.to)
              const active = target !== undefined && lit?.(target) === true
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
            const place = { left: x, top: y, width: size.width, height: size.height }
            const inside = (
              <>
                <span className={styles['name']} title={name(node)}>
                  {name(node)}
                </span>
                <span className={styles['detail']}>{detail(node)}</span>
              </>
            )
            return 'href' in press ? (
              <Link
                key={id}
                href={press.href(node)}
                className={styles['node'] ?? ''}
                aria-current={id === chosen ? 'true' : undefined}
                style={place}
                data-row
              >
                {inside}
              </Link>
            ) : (
              <button
                key={id}
                type="button"
                className={styles['node']}
                aria-pressed={id === chosen}
                style={place}
                onClick={() => press.choose(id)}
                data-row
              >
                {inside}
              </button>
            )
          })}
        </div>
      </div>
      <ShowData label={label} data={data} />
    </figure>
  )
}

/** Brings the chosen node into the middle where the picture is wider than the page. */
function useScrollTo(x: number | undefined, width: number) {
  const ref = useRef<HTMLDivElement>(null)
  useEffect(() => {
    if (ref.current && x !== undefined) ref.current.scrollLeft = x + width / 2 - ref.current.clientWidth / 2
  }, [x, width])
  return ref
}
