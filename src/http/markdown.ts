import { createRequire } from 'node:module'
import type { default as MarkdownItOf, MarkdownIt } from 'markdown-it'
import { lazy } from '../kernel/lazy.ts'

const require = createRequire(import.meta.url)

/** Where a relative address leads when it stays on this server. */
const HERE = 'http://this-server.invalid'

const renderer = lazy((): MarkdownIt => {
  const markdownIt = require('markdown-it') as typeof MarkdownItOf
  const made = markdownIt({ html: false, linkify: true, breaks: true })
  const { rules } = made.renderer
  rules.link_open = (tokens, index, options, _env, self) => {
    tokens[index]!.attrSet('rel', 'noopener noreferrer nofollow')
    return self.renderToken(tokens, index, options)
  }
  for (const rule of ['heading_open', 'heading_close'] as const)
    rules[rule] = (tokens, index, options, env, self) => {
      const token = tokens[index]!
      token.tag = `h${Math.min(6, Number(token.tag.slice(1)) + Number(env?.['below'] ?? 0))}`
      return self.renderToken(tokens, index, options)
    }
  const renderImage = rules.image!
  rules.image = (tokens, index, options, env, self) => {
    const token = tokens[index]!
    const source = String(token.attrGet('src') ?? '')
    if (isHere(source)) return renderImage(tokens, index, options, env, self)
    const { escapeHtml } = made.utils
    return `<a href="${escapeHtml(source)}" rel="noopener noreferrer nofollow">${escapeHtml(token.content || source)}</a>`
  }
  return made
})

/**
 * Markdown as HTML that may stand in a page as it is: HTML in the text is shown as text, addresses that run code are no links, and
 * nothing is loaded from another host (an image from outside becomes a link to it). Its headings are below the level of the heading that it
 * stands under.
 */
export function renderMarkdown(text: string, { below = 0 }: { below?: number } = {}): string {
  return renderer().render(text, { below })
}

/** A text as Markdown that shows exactly it, on one line. */
export function escapeMarkdown(text: string): string {
  return text.replaceAll(/[\\`*_{}[\]()<>#+!|~&-]/g, (sign) => `\\${sign}`).replaceAll(/\s+/g, ' ')
}

/** Resolved as a browser does it: `//host`, `/\host` and `data:` are not here. */
function isHere(address: string): boolean {
  return URL.parse(address, HERE)?.origin === HERE
}
