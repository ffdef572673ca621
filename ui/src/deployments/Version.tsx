import { Link } from 'wouter'
import { versionColour } from '../palette.ts'

/** A model version with its own colour, wherever it is named. */
export function Version({ model, version }: { model: string; version: number }) {
  return (
    <Link href={`/models/${model}/versions/${version}`} style={{ whiteSpace: 'nowrap' }}>
      <span
        aria-hidden
        style={{
          display: 'inline-block',
          width: 9,
          height: 9,
          marginRight: 6,
          borderRadius: 2,
          background: versionColour(version),
        }}
      />
      {`${model}/${version}`}
    </Link>
  )
}
