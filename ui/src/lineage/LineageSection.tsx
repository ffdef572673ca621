import { useQuery } from '@tanstack/react-query'
import { lazy, Suspense } from 'react'
import { Link } from 'wouter'
import { Loaded } from '../kit/Loaded.tsx'
import { Section } from '../kit/Page.tsx'
import { Quiet } from '../kit/Table.tsx'
import type { Direction } from './answers.ts'
import { lineage, lineageHref } from './api.ts'

const LineageGraph = lazy(async () => ({ default: (await import('./LineageGraph.tsx')).LineageGraph }))

interface SectionProps {
  title: string
  kind: string
  id: string
  direction?: Direction
}

/** The lineage of something on its own page. */
export function LineageSection({ title, kind, id, direction = 'both' }: SectionProps) {
  const query = useQuery(lineage({ kind, id, direction }))
  return (
    <Section title={title} note={<Link href={lineageHref(kind, id, direction)}>on a page of its own</Link>}>
      <Loaded query={query}>
        {(data) =>
          data.nodes.length === 1 ? (
            <Quiet>
              {direction === 'down' ? 'Nothing came of it yet.' : 'Where it came from is not known.'}
            </Quiet>
          ) : (
            <Suspense>
              <LineageGraph lineage={data} />
            </Suspense>
          )
        }
      </Loaded>
    </Section>
  )
}
