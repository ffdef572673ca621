import { AppError } from '../kernel/errors.ts'

/** A word, a text in quotes or an operator of a filter, and where it stands. */
export interface Token {
  kind: 'word' | 'text' | 'operator' | 'end'
  text: string
  /** In back-ticks or quotes, which make a key of any word. */
  quoted: boolean
  position: number
  length: number
}

const TOKEN = /\s*(?:('(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`)|(==|!=|<>|<=|>=|[=<>(),~])|([^\s'"`=<>!(),~]+))/y

/** Words hold dots and slashes; a key in quotes may follow a word's dot, and becomes a part of it. */
export function tokenize(text: string): Token[] {
  const tokens: Token[] = []
  let at = 0
  while (text.slice(at).trim() !== '') {
    TOKEN.lastIndex = at
    const found = TOKEN.exec(text)
    const start = at + (text.slice(at).length - text.slice(at).trimStart().length)
    if (!found) {
      const quote = text[start] ?? ''
      const unclosed = `'"\``.includes(quote)
      throw wrong(unclosed ? `The quote ${quote} is not closed` : `Can't read “${quote}” here`, start, 1)
    }
    const [whole, quoted, operator, word] = found
    const length = at + whole.length - start
    if (operator !== undefined)
      tokens.push({ kind: 'operator', text: operator, quoted: false, position: start, length })
    else if (word !== undefined)
      tokens.push({ kind: 'word', text: word, quoted: false, position: start, length })
    else addQuoted(tokens, { raw: quoted ?? '', position: start, length })
    at += whole.length
  }
  tokens.push({ kind: 'end', text: '', quoted: false, position: text.length, length: 1 })
  return tokens
}

function addQuoted(
  tokens: Token[],
  { raw, position, length }: { raw: string; position: number; length: number },
): void {
  const quote = raw[0] ?? ''
  const text = raw.slice(1, -1).replaceAll(quote + quote, quote)
  const last = tokens.at(-1)
  if (
    last?.kind === 'word' &&
    !last.quoted &&
    last.text.endsWith('.') &&
    last.position + last.length === position
  ) {
    last.text += text
    last.quoted = true
    last.length += length
  } else if (quote === '`') tokens.push({ kind: 'word', text, quoted: true, position, length })
  else tokens.push({ kind: 'text', text, quoted: true, position, length })
}

/** Whether it is this word, in any case, and not in quotes. */
export function isWord(token: Token | undefined, word: string): boolean {
  return token?.kind === 'word' && !token.quoted && token.text.toLowerCase() === word
}

/** `invalid`, pointing at a token. */
export function at({ position, length }: Token, message: string): AppError {
  return wrong(message, position, length)
}

export function wrong(message: string, position: number, length: number): AppError {
  return new AppError('invalid', message, { details: { position, length } })
}
