/** One request that both servers get, after those before it. */
export interface Case {
  name: string
  method: string
  path: string
  body?: unknown
  headers?: Record<string, string>
  /** Ids of the answer to use later, by the path of the member. */
  save?: Record<string, string>
  /** Lists of metrics come in an order that means something. */
  ordered?: boolean
  /** The words must be the same too: clients and users know them. */
  message?: boolean
}

type Options = Partial<Omit<Case, 'method' | 'path' | 'body'>>

export const API = '/api/2.0/mlflow'

export function post(path: string, body: unknown, options: Options = {}): Case {
  return { name: `POST ${path} ${brief(body)}`, method: 'POST', path: `${API}${path}`, body, ...options }
}

export function send(method: string, path: string, body: unknown, options: Options = {}): Case {
  return { name: `${method} ${path} ${brief(body)}`, method, path: `${API}${path}`, body, ...options }
}

export function get(path: string, query: Record<string, string> = {}, options: Options = {}): Case {
  const text = Object.entries(query).map(([key, value]) => `${key}=${escapeQuery(value)}`)
  const address = text.length === 0 ? path : `${path}?${text.join('&')}`
  return { name: `GET ${path} ${brief(query)}`, method: 'GET', path: `${API}${address}`, ...options }
}

/** Percent-encoded, but for the names of saved ids. */
function escapeQuery(value: string): string {
  return value
    .split(/(\$\{\w+\})/)
    .map((part) => (part.startsWith('${') ? part : encodeURIComponent(part)))
    .join('')
}

export const long = (length: number): string => 'k'.repeat(length)

function brief(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value ?? '')
  return text.length > 160 ? `${text.slice(0, 157)}…` : text
}
