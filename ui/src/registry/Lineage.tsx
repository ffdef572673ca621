import { useQueries, useQuery } from '@tanstack/react-query'
import { Link } from 'wouter'
import type { ModelVersion } from '../answers.ts'
import { dataset, datasets, deployments, pipelineRun, run } from '../api.ts'
import { count, dateTime } from '../format.ts'
import styles from './Lineage.module.css'

interface Step {
  kind: string
  label: string
  detail?: string
  href?: string
}

/** One line from the data to the deployment: each station is a link to what it was then. */
export function Lineage({ version }: { version: ModelVersion }) {
  const steps = useLineage(version)
  return (
    <ol className={styles['line']} aria-label="Lineage">
      {steps.map((step) => (
        <li key={`${step.kind} ${step.label}`} className={styles['step']}>
          {step.href === undefined ? (
            <span className={styles['box']}>
              <Inside step={step} />
            </span>
          ) : (
            <Link href={step.href} className={styles['box'] ?? ''} data-row>
              <Inside step={step} />
            </Link>
          )}
        </li>
      ))}
    </ol>
  )
}

function Inside({ step }: { step: Step }) {
  return (
    <>
      <span className={styles['kind']}>{step.kind}</span>
      <span className={styles['label']}>{step.label}</span>{' '}
      <span className={styles['detail']}>{step.detail}</span>
    </>
  )
}

/** A version names what it came from by id; the names are looked up here. */
function useLineage(version: ModelVersion): Step[] {
  const { model, lineage, runId = '' } = version
  const data = useDatasetStep(lineage.datasetVersionId)
  const pipeline = useQuery({
    ...pipelineRun(lineage.pipelineRunId ?? ''),
    enabled: lineage.pipelineRunId !== undefined,
  }).data?.run
  const tracked = useQuery({ ...run(runId), enabled: runId !== '' }).data
  const deployed = useQuery(deployments()).data?.items ?? []
  return [
    ...(data ? [data] : []),
    ...(pipeline
      ? [
          {
            kind: 'pipeline run',
            label: pipeline.pipeline,
            detail: dateTime(pipeline.atMs),
            href: `/pipeline-runs/${pipeline.id}`,
          },
        ]
      : []),
    ...(tracked ? [{ kind: 'run', label: tracked.name, href: `/runs/${tracked.id}` }] : []),
    { kind: 'version', label: `${model}/${version.version}` },
    ...deployed
      .filter((one) => one.model === model)
      .flatMap((one): Step[] => {
        const role =
          one.stable?.id === version.id ? 'stable' : one.candidate?.id === version.id ? 'on trial' : undefined
        return role === undefined
          ? []
          : [{ kind: 'deployment', label: one.name, detail: role, href: `/deployments/${one.name}` }]
      }),
  ]
}

function useDatasetStep(versionId: string | undefined): Step | undefined {
  const names = (useQuery({ ...datasets(), enabled: versionId !== undefined }).data?.items ?? []).map(
    ({ name }) => name,
  )
  const details = useQueries({ queries: names.map((name) => dataset(name)) })
  for (const { data } of details) {
    const found = data?.versions.find(({ id }) => id === versionId)
    if (data && found) {
      return {
        kind: 'dataset',
        label: `${data.name} v${found.number}`,
        detail: `${count(found.rows)} rows`,
        href: `/datasets/${data.name}?version=${found.number}`,
      }
    }
  }
  return undefined
}
