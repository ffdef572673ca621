import { setImmediate } from 'node:timers/promises'
import type { Piece } from '../../tracking/schema.ts'
import { unlessEmpty } from './wire.ts'

/**
 * A list under its name with the token of the next page. What comes in one piece is answered whole; a longer list is written as it is
 * read, so that it is never in memory at once and others have their turn between its pieces.
 */
export async function listAnswer<Item>(
  name: string,
  pieces: AsyncIterator<Piece<Item>>,
  toWire: (item: Item) => object,
): Promise<object | Response> {
  const first = await pieces.next()
  if (first.done === true) return {}
  const second = await pieces.next()
  if (second.done === true) {
    const { items, nextPageToken } = first.value
    return {
      ...unlessEmpty(name, items.map(toWire)),
      ...(nextPageToken !== undefined && { next_page_token: nextPageToken }),
    }
  }
  const text = writeList(name, [first.value, second.value], pieces, toWire)
  return new Response(ReadableStream.from(text), { headers: { 'content-type': 'application/json' } })
}

async function* writeList<Item>(
  name: string,
  begun: readonly Piece<Item>[],
  rest: AsyncIterator<Piece<Item>>,
  toWire: (item: Item) => object,
): AsyncGenerator<Uint8Array> {
  const encoder = new TextEncoder()
  const members = (items: readonly Item[]): string => JSON.stringify(items.map(toWire)).slice(1, -1)
  let token: string | undefined
  let separator = ''
  yield encoder.encode(`{${JSON.stringify(name)}:[`)
  const queue = [...begun]
  for (;;) {
    const piece = queue.shift() ?? (await nextOf(rest))
    if (!piece) break
    token = piece.nextPageToken
    if (piece.items.length === 0) continue
    yield encoder.encode(separator + members(piece.items))
    separator = ','
    await setImmediate()
  }
  yield encoder.encode(token === undefined ? ']}' : `],"next_page_token":${JSON.stringify(token)}}`)
}

async function nextOf<Item>(pieces: AsyncIterator<Piece<Item>>): Promise<Piece<Item> | undefined> {
  const next = await pieces.next()
  return next.done === true ? undefined : next.value
}
