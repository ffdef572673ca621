const WORD = /[\p{L}\p{N}]+/gu
const MAX_WORD = 40

/** The different words of a text in lower case, at most `limit`: runs of letters and digits, cut to 40 characters. */
export function wordsOf(text: string, limit: number): string[] {
  const words = new Set<string>()
  for (const [word] of text.normalize('NFKC').toLowerCase().matchAll(WORD)) {
    if (words.size >= limit) break
    words.add(Array.from(word).slice(0, MAX_WORD).join(''))
  }
  return [...words]
}
