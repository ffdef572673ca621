import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'

/**
 * Writes a file as it is named, piece by piece, reads it, and says what came of it and how much memory the process took. It is a process of its own with a
 * small heap, and a gigabyte for DuckDB.
 */
const PROCESS = `
import { createWriteStream, statSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createBrotliCompress, createGzip, createZstdCompress, constants } from 'node:zlib'
import { tableFromArrays, tableToIPC } from 'apache-arrow'
import { openDuckDb } from '${new URL('../ports/analytics/duckdb.ts', import.meta.url).href}'
import { files } from '${new URL('./definition.ts', import.meta.url).href}'
import { probeFiles } from '${new URL('./files.ts', import.meta.url).href}'
import { readItem } from '${new URL('./read-item.ts', import.meta.url).href}'
const [folder, name] = process.argv.slice(1)
const path = join(folder, name)
const session = await openDuckDb({ memoryLimit: '1GB' }).session({ threads: 1 })
function* text(head, piece, tail, pieces = 1000) {
  yield Buffer.from(head)
  const block = Buffer.from(piece.repeat(1_000_000 / piece.length))
  for (let at = 0; at < pieces; at++) yield block
  yield Buffer.from(tail)
}
const quick = { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } }
const CONTENT = {
  'field.csv': () => [text('a,b\\n1,2\\n3,', 'x', '\\n5,y\\n')],
  'quoted.csv': () => [text('a,b\\n1,"', 'xxx\\n', '"\\n2,y\\n')],
  'unclosed.tsv': () => [text('a\\tb\\n1\\t"', '3\\t4\\n5\\t6\\n', '')],
  'field.json': () => [text('[{"a":1},{"a":"', 'x', '"}]')],
  'field.ndjson': () => [text('{"a":1}\\n{"a":"', 'x', '"}\\n')],
  'member.json': () => [text('[{"', 'x', '":1}]')],
  'nested.json': () => [text('[{"a":', '[', '')],
  'header.csv': () => [text('', 'x', '\\n1\\n')],
  'bomb.csv.gz': () => [text('a,b\\n', '1,2\\n', ''), createGzip()],
  'bomb.csv.zst': () => [text('a,b\\n', '1,2\\n', ''), createZstdCompress()],
  'bomb.json.br': () => [text('[', '{"a":1},\\n ', '{}]'), createBrotliCompress(quick)],
}
if (CONTENT[name]) await pipeline(...CONTENT[name]().map((part, at) => at === 0 ? Readable.from(part) : part), createWriteStream(path))
if (name === 'field.parquet') await session.execute("COPY (SELECT 1 AS a, repeat('x', 200000000) AS b) TO '" + path + "' (FORMAT parquet, COMPRESSION zstd)")
if (name === 'field.arrow') {
  const long = Buffer.alloc(100_000_000, 'x').toString()
  await pipeline(Readable.from([tableToIPC(tableFromArrays({ a: [1, 2], b: ['y', long] }), 'file')]), createWriteStream(path))
}
const [item] = await probeFiles(files(name), folder, [])
const before = process.resourceUsage().maxRSS
const result = await readItem(session, item, { known: [], time: undefined, treatments: { columns: new Map() }, folder, target: join(folder, 'part.parquet') })
const grownMb = (process.resourceUsage().maxRSS - before) / 1000
console.log(JSON.stringify({ message: Array.isArray(result) ? 'fine' : result.message, grownMb, sizeMb: statSync(path).size / 1e6 }))
`

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tidemill-malformed-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const LONG = 'is longer than 16,000,000 bytes'
const BOMB = 'which no table of its size does'

it.each([
  ['field.csv', `row 2 ${LONG}`],
  ['quoted.csv', `row 1 ${LONG}`],
  ['unclosed.tsv', `row 1 ${LONG}`],
  ['field.json', `element 2 ${LONG}`],
  ['field.ndjson', `element 2 ${LONG}`],
  ['member.json', `element 1 ${LONG}`],
  ['nested.json', 'element 1 is nested more than 500 deep'],
  ['header.csv', `row 0 ${LONG}`],
  ['bomb.csv.gz', BOMB],
  ['bomb.csv.zst', BOMB],
  ['bomb.json.br', BOMB],
  ['field.parquet', 'values of b are longer than 16,000,000 bytes'],
  ['field.arrow', `row 2: b ${LONG}`],
])(
  'refuses %s, which holds a thousand million characters or unfolds to them, in bounded memory',
  (name, message) => {
    const { stdout, stderr } = spawnSync(
      process.execPath,
      [
        '--max-old-space-size=200',
        '--disable-warning=ExperimentalWarning',
        '--input-type=module',
        '-e',
        PROCESS,
        folder,
        name,
      ],
      { encoding: 'utf8', timeout: 110_000, cwd: import.meta.dirname },
    )
    const result = JSON.parse(stdout === '' ? JSON.stringify({ message: stderr }) : stdout) as {
      message: string
      grownMb: number
    }
    expect(result.message).toContain(message)
    expect(result.grownMb).toBeLessThan(400)
  },
)
