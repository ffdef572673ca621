import { connect, type Socket } from 'node:net'

/**
 * One kept connection over which one request at a time is sent, as bytes made before: a client that costs little beside
 * the server it measures. Answers must say their length.
 */
export class RawClient implements Disposable {
  readonly #socket: Socket
  #chunks: Buffer[] = []
  #received = 0
  #wanted = Infinity
  #done: ((answer: Buffer) => void) | undefined
  #failed: ((error: Error) => void) | undefined

  constructor(url: string) {
    const { hostname, port } = new URL(url)
    this.#socket = connect(Number(port), hostname)
    this.#socket.setNoDelay(true)
    this.#socket.on('data', (chunk) => this.#take(chunk))
    this.#socket.on('error', (error) => this.#failed?.(error))
    this.#socket.on('close', () => this.#failed?.(new Error(`${url} closed the connection`)))
  }

  /** Resolves to the whole answer, head and body. */
  send(request: Buffer): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      this.#done = resolve
      this.#failed = reject
      this.#socket.write(request)
    })
  }

  #take(chunk: Buffer): void {
    this.#chunks.push(chunk)
    this.#received += chunk.length
    if (this.#wanted === Infinity) this.#wanted = lengthOf(Buffer.concat(this.#chunks))
    if (this.#received < this.#wanted) return
    const answer = Buffer.concat(this.#chunks)
    this.#chunks = []
    this.#received = 0
    this.#wanted = Infinity
    this.#done?.(answer)
  }

  [Symbol.dispose](): void {
    this.#failed = undefined
    this.#socket.destroy()
  }
}

export function bodyOf(answer: Buffer): string {
  return answer.subarray(answer.indexOf('\r\n\r\n') + 4).toString('utf8')
}

/** Of head and body together; Infinity while the head is not there. */
function lengthOf(start: Buffer): number {
  const end = start.indexOf('\r\n\r\n')
  if (end < 0) return Infinity
  const head = start.toString('latin1', 0, end)
  if (!head.startsWith('HTTP/1.1 200')) throw new Error(start.toString('utf8').slice(0, 1000))
  const length = /^content-length: *(\d+)/im.exec(head)?.[1]
  if (length === undefined) throw new Error(`An answer without its length: ${head}`)
  return end + 4 + Number(length)
}

/** A request as bytes. */
export function postBytes(url: string, path: string, body: unknown): Buffer {
  const text = JSON.stringify(body)
  const { host } = new URL(url)
  return Buffer.from(
    `POST ${path} HTTP/1.1\r\nhost: ${host}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`,
  )
}
