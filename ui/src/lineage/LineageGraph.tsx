import { Link } from 'wouter'
import { Graph } from '../charts/Graph.tsx'
import { count, date } from '../format.ts'
import { Quiet } from '../kit/Table.tsx'
import type { Lineage, LineageNode } from './answers.ts'
import { lineageHref } from './api.ts'
import styles from './LineageGraph.module.css'

const SIZE = { width: 184, height: 64 }

/** From left to right, what was there first to what came of it. A press goes to the page of what was pressed. */
export function LineageGraph({ lineage }: { lineage: Lineage }) {
  const { nodes, edges, start, cut } = lineage
  const inputs = Map.groupBy(edges, (edge) => edge.to)
  const byKey = new Map(nodes.map((node) => [node.key, node]))
  return (
    <>
      {cut && <Quiet>There is more: these are the nearest {count(nodes.length)}.</Quiet>}
      <Graph
        label="Lineage"
        nodes={nodes.map((node) => ({
          ...node,
          id: node.key,
          nodeId: node.id,
          inputs: (inputs.get(node.key) ?? []).map(({ from }) => from),
        }))}
        chosen={start}
        press={{ href: ({ href, kind, nodeId }) => href ?? lineageHref(kind, nodeId) }}
        name={({ title }) => title}
        detail={(node) => <Detail node={node} />}
        size={SIZE}
        data={{
          columns: ['What', 'Kind', 'Made', 'Came from'],
          rows: () =>
            nodes.map((node) => [
              <Link key="lineage" href={lineageHref(node.kind, node.id)}>
                {node.title}
              </Link>,
              [kindWord(node.kind), node.detail].filter(Boolean).join(', '),
              node.atMs === undefined ? '–' : date(node.atMs),
              (inputs.get(node.key) ?? [])
                .map(({ from, label }) => `${byKey.get(from)?.title ?? from} (${label})`)
                .join(', '),
            ]),
        }}
      />
    </>
  )
}

export function kindWord(kind: string): string {
  return kind.replaceAll('_', ' ')
}

function Detail({ node }: { node: Pick<LineageNode, 'kind' | 'detail' | 'atMs'> }) {
  return (
    <span className={styles['detail']}>
      <span className={styles['line']}>
        <span>{kindWord(node.kind)}</span>
        {node.atMs !== undefined && <span>{date(node.atMs)}</span>}
      </span>
      {node.detail !== undefined && (
        <span className={styles['more']} title={node.detail}>
          {node.detail}
        </span>
      )}
    </span>
  )
}
