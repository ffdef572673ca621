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
  graph.setGraph({ rankdir: 'LR', nodesep: 12, ranksep: 32, marginx: 2, marginy: 2 })
  graph.setDefaultEdgeLabel(() => ({}))
  const known = new Set(nodes.map((node) => node.id))
  for (const node of nodes) graph.setNode(node.id, { ...size })
  for (const node of nodes)
    for (const input of node.inputs) if (known.has(input)) graph.setEdge(input, node.id)
  layout(graph)
  const plane = graph.graph()
  return {
    width: plane.width ?? 0,
    height: plane.height ?? 0,
    nodes: nodes.map(({ id }) => {
      const { x = 0, y = 0 } = graph.node(id) as { x?: number; y?: number }
      return { id, x: x - size.width / 2, y: y - size.height / 2 }
    }),
    edges: graph.edges().map((edge) => {
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
  }
}

/** An edge leaves at the middle of the right side and arrives at the middle of the left. */
function side(node: unknown, shift: number): Point {
  const { x = 0, y = 0 } = node as Partial<Point>
  return { x: x + shift, y }
}
