import { invalid } from './errors.ts'

/** Reads the text of a filter from left to right. */
export class Scanner {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  /** Takes what the sticky pattern matches here, after white space. */
  take(pattern: RegExp): string | undefined {
    this.#skip()
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#text)
    if (!found) return undefined
    this.#at += found[0].length
    return found[0]
  }

  atEnd(): boolean {
    this.#skip()
    return this.#at >= this.#text.length
  }

  rest(): string {
    return this.#text.slice(this.#at, this.#at + 200).trim()
  }

  word(): string {
    return this.rest().split(/\s/)[0] ?? ''
  }

  /** A name before the first dot. */
  identifierPart(): string | undefined {
    return unquoted(this.take(/`[^`]+`|"[^"]+"|[A-Za-z_]\w*/y))
  }

  /** Everything after the first dot: a quoted key, or one without spaces. */
  identifierRest(): string | undefined {
    return unquoted(this.take(/`[^`]+`|"[^"]+"|'[^']+'|[\w][\w.\-/:]*/y))
  }

  /** A text in quotes; a quote inside it is doubled. */
  string(): string | undefined {
    return unquoted(this.take(/'(?:[^']|'')*'|"(?:[^"]|"")*"/y))
  }

  /** A text without quotes, up to white space. */
  bare(): string | undefined {
    return this.take(/[^\s'"`()]+/y)
  }

  list(): string[] {
    const illFormed = invalid(
      'While parsing a list in the query, expected a non-empty list of string values, but got ill-formed list.',
    )
    if (!this.take(/\(/y)) throw illFormed
    const values: string[] = []
    do {
      const value = this.string()
      if (value === undefined) {
        if (values.length > 0 && this.rest().startsWith(')')) break
        throw illFormed
      }
      values.push(value)
    } while (this.take(/,/y))
    if (!this.take(/\)/y)) throw illFormed
    return values
  }

  #skip(): void {
    while (/\s/.test(this.#text[this.#at] ?? '')) this.#at++
  }
}

function unquoted(token: string | undefined): string | undefined {
  const quote = token?.[0]
  if (token === undefined || quote === undefined || !'`"\''.includes(quote)) return token
  return token.slice(1, -1).replaceAll(quote + quote, quote)
}
