import { Graph, layout } from '@dagrejs/dagre'

export interface GraphNode {
  id: string
  inputs: string[]
}
export interface PlacedGraph {
  width: number
  height: number
  nodes: { id: string; x: number; y: number }[]
  edges: { from: string; to: string; points: { x: number; y: number }[] }[]
}

interface Point {
  x: number
  y: number
}

export interface NodeSize {
  width: number
  height: number
}

/** Left to right by dagre; x and y are the corner of a node. */
export function layoutGraph(nodes: GraphNode[], size: NodeSize): PlacedGraph {
  const graph = new Graph()
  graph.setGraph({ rankdir: 'LR', nodesep: 12, ranksep: 32 })
  graph.setDefaultEdgeLabel(() => ({}))
  const known = new Set(nodes.map((node) => node.id))
  for (const node of nodes) graph.setNode(node.id, { ...size })
  for (const node of nodes)
    for (const input of node.inputs) if (known.has(input)) graph.setEdge(input, node.id)
  layout(graph)
  return within(
    {
      nodes: nodes.map(({ id }) => {
        const { x = 0, y = 0 } = graph.node(id) as { x?: number; y?: number }
        return { id, x: x - size.width / 2, y: y - size.height / 2 }
      }),
      edges: graph.edges().map((edge: { v: string; w: string }) => {
        const { points = [] } = graph.edge(edge) as { points?: Point[] }
        return {
          from: edge.v,
          to: edge.w,
          points: [
            side(graph.node(edge.v), size.width / 2),
            ...points.slice(1, -1),
            side(graph.node(edge.w), -size.width / 2),
          ],
        }
      }),
    },
    size,
  )
}

const MARGIN = 2

/** Dagre measures the plane by its nodes alone; an edge that passes above or below all of them belongs to it too. */
function within({ nodes, edges }: Pick<PlacedGraph, 'nodes' | 'edges'>, size: NodeSize): PlacedGraph {
  const corners = nodes.flatMap(({ x, y }) => [
    { x, y },
    { x: x + size.width, y: y + size.height },
  ])
  const points = [...corners, ...edges.flatMap((edge) => edge.points)]
  const left = Math.min(...points.map(({ x }) => x)) - MARGIN
  const top = Math.min(...points.map(({ y }) => y)) - MARGIN
  const shift = <Place extends Point>(place: Place): Place => ({
    ...place,
    x: place.x - left,
    y: place.y - top,
  })
  return {
    width: points.length === 0 ? 0 : Math.max(...points.map(({ x }) => x)) + MARGIN - left,
    height: points.length === 0 ? 0 : Math.max(...points.map(({ y }) => y)) + MARGIN - top,
    nodes: nodes.map(shift),
    edges: edges.map((edge) => ({ ...edge, points: edge.points.map(shift) })),
  }
}

/** An edge leaves at the middle of the right side and arrives at the middle of the left. */
function side(node: unknown, shift: number): Point {
  const { x = 0, y = 0 } = node as Partial<Point>
  return { x: x + shift, y }
}
