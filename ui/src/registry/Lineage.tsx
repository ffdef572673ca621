import { useQuery } from '@tanstack/react-query'
import { Link } from 'wouter'
import type { Deployment, ModelVersion } from '../answers.ts'
import { deployments, pipelineRun, run } from '../api.ts'
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
      <span className={styles['kind']}>{step.kind.replace('-', ' ')}</span>
      <span className={styles['label']}>{step.label}</span>{' '}
      <span className={styles['detail']}>{step.detail}</span>
    </>
  )
}

const idIn = (href: string | undefined) => href?.split('/').at(-1) ?? ''

/** The answer names runs by their id; their names, and where the version serves now, are looked up here. */
function useLineage(version: ModelVersion): Step[] {
  const runId = idIn(version.lineage.find(({ kind }) => kind === 'run')?.href)
  const pipelineRunId = idIn(version.lineage.find(({ kind }) => kind === 'pipeline-run')?.href)
  const tracked = useQuery({ ...run(runId), enabled: runId !== '' }).data
  const pipeline = useQuery({ ...pipelineRun(pipelineRunId), enabled: pipelineRunId !== '' }).data?.run
  const deployed = useQuery(deployments()).data?.items ?? []
  const came = version.lineage.map((step): Step => {
    if (step.kind === 'run' && tracked) return { ...step, label: tracked.name }
    if (step.kind === 'pipeline-run' && pipeline)
      return { ...step, label: pipeline.pipeline, detail: dateTime(pipeline.atMs) }
    if (step.kind === 'dataset' && step.detail !== undefined) return { ...step, detail: grouped(step.detail) }
    return step
  })
  return [...came, ...deployed.flatMap((one) => servedBy(one, version))]
}

function grouped(text: string): string {
  return text.replaceAll(/\d{4,}/g, (digits) => count(Number(digits)))
}

function servedBy(deployment: Deployment, version: ModelVersion): Step[] {
  const { name, stable, candidate } = deployment
  const role = stable?.id === version.id ? 'stable' : candidate?.id === version.id ? 'on trial' : undefined
  return role === undefined
    ? []
    : [{ kind: 'deployment', label: name, detail: role, href: `/deployments/${name}` }]
}
