import type { IncomingMessage } from 'node:http'

/**
 * The body of a request as it arrives, each piece until the next is asked for. It is read from the socket where nothing has begun to read it, which
 * takes half the processor time of a stream of the web. Who stops early can still answer.
 */
export function arrivingBody(request: Request, env: unknown): AsyncIterable<Uint8Array> {
  const { incoming } = (env ?? {}) as { incoming?: IncomingMessage }
  return {
    [Symbol.asyncIterator]: () =>
      incoming?.readableFlowing === null ? piecesOf(incoming) : chunksOf(request.body),
  }
}

async function* chunksOf(body: Request['body']): AsyncGenerator<Uint8Array> {
  for await (const chunk of body ?? []) yield chunk
}

async function* piecesOf(incoming: IncomingMessage): AsyncGenerator<Uint8Array> {
  const pieces = incoming.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer<ArrayBuffer>>
  for await (const piece of pieces) {
    yield piece
    giveBack(piece)
  }
}

/** To collect gigabytes of pieces with everything else that lives would cost more than to hash and write them. */
function giveBack({ buffer, byteLength }: Buffer<ArrayBuffer>): void {
  if (buffer.byteLength === byteLength) buffer.transfer(0)
}
