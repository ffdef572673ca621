import type { ModelVersionDetail } from '../answers.ts'
import { decimal, share } from '../format.ts'
import { Quiet, Table } from '../kit/Table.tsx'
import { wordOf } from '../kit/tone.ts'
import { candidateOf, ownEvaluation } from './judged.ts'

interface Input {
  name: string
  kind: string
  from: string
}

/** The features in the order the model takes them, and what each is worth, where that was measured. */
export function Inputs({ version }: { version: ModelVersionDetail }) {
  const rows = inputsOf(version)
  const evaluation = ownEvaluation(version)
  const leak = evaluation && candidateOf(evaluation)?.leak
  const alone = new Map(leak?.featureAuc.map(({ feature, auc }) => [feature, auc]))
  const lost = new Map(leak?.importance.map(({ feature, share: part }) => [feature, part]))
  if (rows.length === 0) return <Quiet>Its signature is not known.</Quiet>
  return (
    <Table
      label="Inputs"
      rows={rows}
      rowKey={(row) => row.name}
      columns={[
        { name: 'Input', cell: (row) => <strong>{row.name}</strong> },
        { name: 'Kind', cell: (row) => <Quiet>{row.kind}</Quiet> },
        { name: 'From', cell: (row) => <Quiet>{row.from}</Quiet> },
        ...(alone.size === 0
          ? []
          : [{ name: 'AUC alone', number: true, cell: (row: Input) => number(alone.get(row.name)) }]),
        ...(lost.size === 0
          ? []
          : [{ name: 'Carries', number: true, cell: (row: Input) => part(lost.get(row.name)) }]),
      ]}
    />
  )
}

function inputsOf(version: ModelVersionDetail): Input[] {
  const features = version.featureService?.spec.features
  if (features !== undefined) {
    return features.map(({ name, kind, from, source }) => ({
      name,
      kind,
      from: from === 'request' ? 'the request' : `${wordOf(from)} ${source}`,
    }))
  }
  return (version.signature?.inputs ?? []).map(({ name, kind }) => ({ name, kind, from: 'the request' }))
}

function number(value: number | undefined): string {
  return value === undefined ? '' : decimal(value, 3)
}

function part(value: number | undefined): string {
  return value === undefined ? '' : share(Math.max(0, value))
}
