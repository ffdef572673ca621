import { amount } from '../kernel/amount.ts'
import type { Inferred } from './inferring.ts'
import { comment, quoted } from './literal.ts'
import type { Proposal } from './proposals.ts'
import { dayText } from './split.ts'
import type { TargetStudy } from './target.ts'

export interface CodeOptions {
  /** Of the dataset; its constant is named after it. */
  name: string
  /** SQL-free description of where the rows are: `files('feed/*.csv')`, or undefined for rows of a dataset that is declared already. */
  source: string | undefined
  /** What was looked at, for the first line. */
  origin: string
}

/** What was inferred as TypeScript that a person edits. It runs as it is. */
export function inferredCode(inferred: Inferred, { name, source, origin }: CodeOptions): string {
  const { evidence, time, table, columns, rest, target } = inferred
  const all = [...table, ...columns.flatMap(({ proposals }) => proposals), ...rest]
  const imports = [
    ...new Set([...(source === undefined ? [] : ['dataset', 'files']), ...all.map((each) => each.name)]),
  ].sort()
  const indent = source === undefined ? '  ' : '    '
  const expectations = [
    ...lines(table, indent),
    ...columns.flatMap(({ column, note, proposals }) => [
      '',
      ...(note === undefined ? [] : [`${indent}// ${comment(column.name)}: ${comment(note)}`]),
      ...lines(proposals, indent),
    ]),
    '',
    ...lines(rest, indent),
  ]
    .join('\n')
    .replaceAll(/\n{3,}/g, '\n\n')
  const head = [
    `// Inferred from ${amount(evidence.rows)} rows of ${comment(origin)}. What is here held of them: keep what must hold, drop what only`,
    '// happened to. `warn` reports what `error` refuses.',
  ]
  const times = time && ` // ${dayText(time.min!)} … ${dayText(time.max!)}, known in every row`
  const body =
    source === undefined
      ? [`export const expectations = [`, expectations, ']']
      : [
          `export const ${identifier(name)} = dataset(${quoted(name)}, {`,
          `  source: ${source},`,
          ...(time ? [`  time: ${quoted(time.name)},${times}`] : []),
          '  expect: [',
          expectations,
          '  ],',
          '})',
        ]
  return [
    `import { ${imports.join(', ')} } from 'tidemill'`,
    '',
    ...head,
    ...body,
    ...(target ? ['', ...targetComments(target)] : []),
    '',
  ].join('\n')
}

function lines(proposals: readonly Proposal[], indent: string): string[] {
  return proposals.map(({ code, evidence }) => `${indent}${code}, // ${comment(evidence)}`)
}

/** What predicting the target asks for, as comments, with the step that splits by time. */
function targetComments({ target, task, split, suspects, powers, sampled }: TargetStudy): string[] {
  const step =
    split.by === 'time' && split.isTime
      ? [
          `//   const { train, test } = split({ data, time: ${quoted(split.column!)}, holdoutDays: ${split.holdoutDays} })`,
        ]
      : []
  const found = suspects.map(
    ({ column, verdict, reasons }) =>
      `//   ${verdict === 'leak' ? 'leave out' : 'look at'} ${comment(column)}: ${reasons.map(comment).join('; ')}`,
  )
  const [first] = powers
  return [
    `// Target ${comment(target)}`,
    `// Task: ${task.task} (${comment(task.evidence)})`,
    `// Split: ${split.by}${split.column === undefined ? '' : ` by ${comment(split.column)}`}: ${comment(split.reason)}`,
    ...step,
    `// Suspected leaks, in ${amount(sampled)} rows: ${found.length === 0 ? 'none' : ''}`.trimEnd(),
    ...found,
    ...(first
      ? [
          `// Alone, by ${first.power.measure} on rows that were not learned from: ${powers
            .slice(0, 8)
            .map(({ column, power }) => `${comment(column)} ${power.value.toFixed(3)}`)
            .join(', ')}`,
        ]
      : []),
  ]
}

function identifier(name: string): string {
  const camel = name.replaceAll(
    /[^A-Za-z0-9]+(.)?/g,
    (_, letter: string | undefined) => letter?.toUpperCase() ?? '',
  )
  const safe = /^[A-Za-z_$]/.test(camel) ? camel : `data${camel}`
  return RESERVED.has(safe) ? `${safe}Data` : safe
}

/** Names that the code imports, or that TypeScript keeps. */
const RESERVED = new Set([
  'dataset',
  'files',
  'columns',
  'format',
  'length',
  'unique',
  'default',
  'class',
  'new',
  'delete',
  'in',
  'import',
  'export',
  'const',
  'function',
  'return',
  'switch',
  'case',
  'for',
  'if',
  'do',
  'this',
  'null',
  'true',
  'false',
  'enum',
  'package',
  'public',
  'private',
  'static',
  'interface',
  'yield',
  'let',
  'var',
  'void',
  'with',
  'try',
  'throw',
  'catch',
  'while',
  'typeof',
  'super',
  'extends',
  'else',
  'finally',
  'instanceof',
  'break',
  'continue',
  'debugger',
  'references',
  'between',
  'matches',
  'finite',
  'anomaly',
  'increasing',
  'castable',
])
