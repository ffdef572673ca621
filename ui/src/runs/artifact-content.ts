export type PreviewKind = 'text' | 'json' | 'table' | 'image' | 'markdown' | 'page' | 'bytes'

const byEnding = new Map<string, PreviewKind>([
  ...each('image', 'avif bmp gif jpeg jpg png svg webp'),
  ...each('table', 'csv tsv'),
  ...each('json', 'json geojson ipynb'),
  ...each('markdown', 'md markdown'),
  ...each('page', 'html htm'),
  ...each(
    'text',
    'txt log py r sh ts js yaml yml toml ini cfg conf diff patch sql xml jsonl ndjson env lock proto java scala go rs c h cpp tex rst',
  ),
])
const byName = /^(MLmodel|Dockerfile|Makefile|LICENSE|README|requirements)/

function each(kind: PreviewKind, endings: string): [string, PreviewKind][] {
  return endings.split(' ').map((ending) => [ending, kind])
}

/** How a file is shown, by its name; what has no known name is shown as facts about its bytes. */
export function previewKind(path: string): PreviewKind {
  const name = path.slice(path.lastIndexOf('/') + 1)
  const ending = name.includes('.') ? name.slice(name.lastIndexOf('.') + 1).toLowerCase() : ''
  return byEnding.get(ending) ?? (byName.test(name) ? 'text' : 'bytes')
}

/** Rows of comma or tab separated text; an unfinished last line is left out when the text is only a beginning. */
export function parseTable(
  text: string,
  { complete, most }: { complete: boolean; most: number },
): string[][] {
  const separator =
    (/^[^\n]*\t/.test(text) && !/^[^\n]*,/.test(text)) || /^[^\n,]*\t[^\n]*\t/.test(text) ? '\t' : ','
  const rows: string[][] = []
  let row: string[] = []
  let at = 0
  while (at < text.length && rows.length < most) {
    let cell = ''
    if (text[at] === '"') {
      let end = at + 1
      for (;;) {
        const quote = text.indexOf('"', end)
        if (quote === -1) return rows
        cell += text.slice(end, quote)
        end = quote + 1
        if (text[end] !== '"') break
        cell += '"'
        end++
      }
      at = end
    }
    const rest = /[\r\n]/.exec(text.slice(at))
    const line = rest === null ? text.length : at + rest.index
    const next = text.indexOf(separator, at)
    const stop = next === -1 || next > line ? line : next
    cell += text.slice(at, stop)
    row.push(cell)
    if (stop === line) {
      if (line < text.length || complete) rows.push(row)
      row = []
      at = line + (text.startsWith('\r\n', line) ? 2 : 1)
    } else {
      at = stop + 1
      if (at === text.length && complete) rows.push([...row, ''])
    }
  }
  return rows
}

/** What the first bytes of a file say of it. */
export function factsOfBytes(path: string, bytes: Uint8Array): [name: string, value: string][] {
  const starts = (...wanted: number[]) => wanted.every((byte, index) => bytes[index] === byte)
  if (path.endsWith('.onnx')) return onnxFacts(bytes)
  if (starts(0x80) && (bytes[1] ?? 9) <= 5) {
    const what = `Python pickle, protocol ${bytes[1]}`
    return [
      ['Kind', what],
      ['Note', 'It is never opened here: reading a pickle runs code that is in it'],
    ]
  }
  const known: [boolean, string][] = [
    [starts(0x50, 0x41, 0x52, 0x31), 'Parquet'],
    [starts(0x50, 0x4b), 'Zip archive'],
    [starts(0x1f, 0x8b), 'Gzip'],
    [starts(0x89, 0x48, 0x44, 0x46), 'HDF5'],
    [starts(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59), 'NumPy array'],
    [starts(0x25, 0x50, 0x44, 0x46), 'PDF'],
    [starts(0x47, 0x47, 0x55, 0x46), 'GGUF model'],
    [path.endsWith('.safetensors'), 'Safetensors'],
  ]
  return [['Kind', known.find(([is]) => is)?.[1] ?? 'Bytes']]
}

/** The head of an ONNX file: field 1 is the version of the format, 2 and 3 are who wrote it (onnx.proto). */
function onnxFacts(bytes: Uint8Array): [string, string][] {
  const facts: [string, string][] = [['Kind', 'ONNX model']]
  const names: Record<number, string> = { 2: 'Written by', 3: 'Its version' }
  let at = 0
  while (at < bytes.length) {
    const tag = bytes[at++] ?? 0
    const field = tag >> 3
    if (field > 3) break
    const value = bytes[at++] ?? 0
    if ((tag & 7) === 0) {
      if (field === 1) facts.push(['ONNX format', String(value)])
    } else {
      const name = names[field]
      if (name !== undefined && value < 128)
        facts.push([name, new TextDecoder().decode(bytes.slice(at, at + value))])
      at += value
    }
  }
  return facts
}
