import { open, type FileHandle } from 'node:fs/promises'

/** In smaller pieces their number is what a download takes its time with. */
const PIECE_BYTES = 256 * 1024

/** A file, or its bytes from `start` to `end` inclusive, as the body of an answer. It is opened when somebody reads. */
export function fileBody(path: string, range?: { start: number; end: number }): ReadableStream<Uint8Array> {
  let file: FileHandle | undefined
  let position = range?.start ?? 0
  const end = range?.end ?? Infinity
  const close = async (): Promise<void> => await file?.close()
  const read = async (): Promise<Uint8Array> => {
    file ??= await open(path)
    const piece = Buffer.allocUnsafeSlow(Math.min(PIECE_BYTES, end - position + 1))
    const { bytesRead } = await file.read(piece, 0, piece.byteLength, position)
    position += bytesRead
    return piece.subarray(0, bytesRead)
  }
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const piece = await read().catch(async (error: unknown) => {
          await close()
          throw error
        })
        if (piece.byteLength > 0) controller.enqueue(piece)
        if (piece.byteLength > 0 && position <= end) return
        await close()
        controller.close()
      },
      cancel: close,
    },
    { highWaterMark: 0 },
  )
}
