import { amount } from '../kernel/amount.ts'
import type { Queryable } from '../ports/db/db.ts'
import type { Difference, Estimate, LeakEvidence, StoredEvaluation } from '../registry/schema.ts'
import {
  countDays,
  listEvaluationsOf,
  listGateReportsOf,
  type ModelVersionRow,
} from '../registry/registry.ts'
import type { FactBlock, FactSection } from './schema.ts'

const MOST_FEATURES = 5

/** How it was measured, what its gates said, and what the search for leaks found. */
export async function evaluationSections(at: Queryable, row: ModelVersionRow): Promise<FactSection[]> {
  const [judged] = await listGateReportsOf(at, row.id, 1)
  const evaluations = await listEvaluationsOf(at, row.id, 20)
  const own = evaluations.filter((evaluation) => candidateOf(evaluation)?.modelVersionId === row.id)
  const shown = own.find(({ id }) => id === judged?.evaluationId) ?? own[0]
  if (!shown) return [{ title: 'Evaluation', blocks: [{ kind: 'text', text: 'It was not evaluated.' }] }]
  const leak = candidateOf(shown)?.leak
  return [
    { title: 'Evaluation', blocks: evaluationBlocks(shown) },
    ...(judged
      ? [
          {
            title: 'Gates',
            blocks: [
              { kind: 'text', text: judged.sentence } as const,
              table(
                ['Gate', 'Verdict', 'Why'],
                judged.results.map(({ gate, verdict, sentence }) => [
                  gate.replaceAll('_', ' '),
                  verdict,
                  sentence,
                ]),
              ),
            ],
          },
        ]
      : []),
    ...(leak ? [{ title: 'Search for leaks', blocks: leakBlocks(leak) }] : []),
  ]
}

function candidateOf({ subjects }: StoredEvaluation) {
  return subjects.find(({ role }) => role === 'candidate')
}

function evaluationBlocks({ holdout, label, subjects, differences }: StoredEvaluation): FactBlock[] {
  const { rows, days, digest } = holdout
  const metrics = [...new Set(subjects.flatMap((subject) => Object.keys(subject.metrics)))]
  const dated = countDays(days)
  const span = dated > 0 ? `, ${dated} days from ${days[0]} to ${days.at(-1)}` : ''
  return [
    {
      kind: 'facts',
      facts: [
        ['Predicted column', label],
        ['Holdout', `${amount(rows)} rows${span}`],
        ['SHA-256 of the holdout', digest],
        [
          'Intervals',
          `95 %, from a bootstrap over ${dated > 0 ? 'days' : `${days.length} equal stretches of its rows`}`,
        ],
      ],
    },
    table(
      ['Model', 'Role', ...metrics],
      subjects.map((subject) => [
        subject.name,
        subject.role,
        ...metrics.map((metric) => estimate(subject.metrics[metric])),
      ]),
    ),
    ...(differences.length > 0
      ? [
          table(
            ['Metric', 'Against', 'Gain', dated > 0 ? 'Days' : 'Stretches'],
            differences.map(differenceRow),
          ),
        ]
      : []),
  ]
}

function differenceRow({ metric, against, gain, lower, upper, days }: Difference): string[] {
  return [metric, against, estimate({ estimate: gain, lower, upper }), String(days)]
}

function leakBlocks({ featureAuc, importance, late }: LeakEvidence): FactBlock[] {
  const shown = importance.slice(0, MOST_FEATURES)
  return [
    table(
      ['Feature', 'Share of the AUC above one half that is lost without it', 'AUC of it alone'],
      shown.map(({ feature, share }) => [
        feature,
        `${(100 * share).toFixed(0)} %`,
        number(featureAuc.find((one) => one.feature === feature)?.auc),
      ]),
    ),
    {
      kind: 'list',
      items:
        late.length === 0
          ? ['No feature was known only after the event, where the holdout tells when it was known.']
          : late.map(
              ({ feature, rows }) => `${feature} was known only after the event in ${amount(rows)} rows.`,
            ),
    },
  ]
}

function estimate(of: Estimate | undefined): string {
  if (!of) return ''
  const { lower, upper } = of
  return lower === undefined || upper === undefined
    ? number(of.estimate)
    : `${number(of.estimate)} [${number(lower)}, ${number(upper)}]`
}

function number(value: number | undefined): string {
  if (value === undefined) return ''
  // Four places, but never fewer than two digits that tell something.
  return value !== 0 && Math.abs(value) < 0.001
    ? value.toPrecision(2)
    : value.toFixed(Math.abs(value) >= 100 ? 1 : 4)
}

function table(columns: string[], rows: string[][]): FactBlock {
  return { kind: 'table', columns, rows }
}
