import { escapeMarkdown, renderMarkdown } from '../http/markdown.ts'
import { PEOPLE_SECTIONS, type FactBlock, type ModelCard } from './schema.ts'

/**
 * A card as Markdown: what people wrote comes first, with a clear mark where nobody has written yet; then what is known. Names and values that are
 * no Markdown are escaped.
 */
export function cardMarkdown({ model, version, digest, facts, written, blanks }: ModelCard): string {
  const by =
    written.author === null || written.createdMs === null
      ? 'Nobody has written its sections yet.'
      : `Sections written by ${escapeMarkdown(written.author)} on ${new Date(written.createdMs).toISOString().slice(0, 10)}, revision ${written.revision}.`
  const open = blanks.length === 0 ? '' : ` Still to be written: ${blanks.join(', ')}.`
  const people = PEOPLE_SECTIONS.flatMap(({ key, title, question }) => {
    const said = written.sections[key].trim()
    return [`## ${title}`, said === '' ? `> **To be written:** ${question}` : said]
  })
  const known = facts.flatMap((section) => [
    `## ${escapeMarkdown(section.title)}`,
    ...section.blocks.map(blockMarkdown),
  ])
  const title = `# Model card: ${escapeMarkdown(`${model}/${version}`)}`
  const end = `*Content of this version: SHA-256 \`${digest}\`*`
  return `${[title, by + open, ...people, ...known, end].filter((part) => part !== '').join('\n\n')}\n`
}

function blockMarkdown(block: FactBlock): string {
  switch (block.kind) {
    case 'markdown':
      return block.text.trim()
    case 'text':
      return escapeMarkdown(block.text)
    case 'list':
      return block.items.map((item) => `- ${escapeMarkdown(item)}`).join('\n')
    case 'facts':
      return block.facts
        .map(([name, value]) => `- **${escapeMarkdown(name)}:** ${escapeMarkdown(value)}`)
        .join('\n')
    case 'table':
      return block.rows.length === 0 ? '' : tableMarkdown(block.columns, block.rows)
  }
}

function tableMarkdown(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.map(escapeMarkdown).join(' | ')} |`
  return [line(columns), `|${columns.map(() => '---').join('|')}|`, ...rows.map(line)].join('\n')
}

/** The card as one page that needs nothing else: it opens from a disk, and prints. */
export function cardHtml(card: ModelCard): string {
  const title = `Model card: ${card.model}/${card.version}`.replaceAll(
    /[<>&"]/g,
    (sign) => `&#${sign.charCodeAt(0)};`,
  )
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src 'self'">
<title>${title}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
${renderMarkdown(cardMarkdown(card))}</main>
</body>
</html>
`
}

const STYLE = `
:root { color-scheme: light dark }
body { font: 15px/1.55 system-ui, sans-serif; margin: 0; color: light-dark(#1a1c20, #e8e9ec); background: light-dark(#fff, #131518) }
main { max-width: 820px; margin: 0 auto; padding: 32px 20px 64px }
h1 { font-size: 26px; line-height: 1.25 }
h2 { font-size: 18px; margin: 32px 0 8px; padding-bottom: 4px; border-bottom: 1px solid light-dark(#d5d5d2, #333941) }
p, li, td, th { overflow-wrap: anywhere }
table { border-collapse: collapse; width: 100%; margin: 12px 0; font-size: 13px }
th, td { text-align: left; vertical-align: top; padding: 4px 10px 4px 0; border-bottom: 1px solid light-dark(#e5e5e2, #282c32) }
blockquote { margin: 8px 0; padding: 8px 14px; border-left: 4px solid #c75000; background: light-dark(#fbf0d9, #2e2413) }
blockquote p { margin: 0 }
code { font: 12px ui-monospace, Menlo, Consolas, monospace }
pre { overflow-x: auto }
@media print {
  :root { color-scheme: light }
  main { max-width: none; padding: 0 }
  h2 { break-after: avoid }
  table, blockquote { break-inside: avoid }
}
`
