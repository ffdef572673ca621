import { useQuery } from '@tanstack/react-query'
import type { ModelVersionDetail } from '../answers.ts'
import { decisions, modelVersion } from '../api.ts'
import { asSaid, isInjected } from '../decisions/subject.ts'
import { plain } from '../format.ts'
import { Facts } from '../kit/Facts.tsx'
import { Loaded } from '../kit/Loaded.tsx'
import { Columns, Page, Section } from '../kit/Page.tsx'
import { Sentences } from '../kit/Sentence.tsx'
import { Injected, State } from '../kit/State.tsx'
import { Quiet } from '../kit/Table.tsx'
import { Evaluations } from './Evaluations.tsx'
import { Gates } from './Gates.tsx'
import { Inputs } from './Inputs.tsx'
import { latestReport, ownEvaluation, verdictWord } from './judged.ts'
import { Lineage } from './Lineage.tsx'

/** May this go live, and where did it come from? */
export function ModelVersionPage({ name, version }: { name: string; version: number }) {
  const query = useQuery(modelVersion(name, version))
  return <Loaded query={query}>{(data) => <VersionView version={data} />}</Loaded>
}

function VersionView({ version }: { version: ModelVersionDetail }) {
  const about = useQuery(decisions({ subjectType: 'model_version', subjectId: version.id, limit: 50 }))
  const said = about.data?.items ?? []
  const report = latestReport(version)
  const injected = said.some((decision) => decision.id === report?.decisionId && isInjected(decision))
  const inputs = version.featureService?.spec.features?.length ?? version.signature?.inputs.length ?? 0
  return (
    <Page
      title={`${version.model}/${version.version}`}
      aside={
        <>
          {report && <State word={verdictWord(report.verdict)} />}
          {version.aliases.map((alias) => (
            <Quiet key={alias}>{alias}</Quiet>
          ))}
          {injected && <Injected />}
        </>
      }
      crumbs={[
        { label: 'Models', href: '/models' },
        { label: version.model, href: `/models/${version.model}` },
      ]}
      lede={report?.sentence ?? 'The gates have not judged this version.'}
    >
      <Section title="Where it came from">
        <Lineage version={version} />
      </Section>
      <Gates report={report} />
      <Evaluations evaluation={ownEvaluation(version)} />
      <Columns>
        <Section title="What it takes" note={`${inputs} input${inputs === 1 ? '' : 's'}`}>
          <Inputs version={version} />
        </Section>
        <Section title="About">
          <Facts
            items={[
              ['Predicts', version.task ?? 'not said'],
              ['Registered by', version.createdBy],
              ['Feature service', version.featureService?.name ?? 'none: it takes what a request carries'],
              ...version.tags.map(({ key, value }): [string, string] => [key, plain(value)]),
            ]}
          />
        </Section>
      </Columns>
      {said.length > 0 && (
        <Section title="Decisions about it">
          <Sentences label="Decisions about it" items={said.map((decision) => asSaid(decision))} />
        </Section>
      )}
    </Page>
  )
}
