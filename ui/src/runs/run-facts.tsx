import type { ReactNode } from 'react'
import { Link } from 'wouter'
import { exact } from '../format.ts'
import type { DetailedRun } from './answers.ts'

const sourceTags: Record<string, string> = {
  'mlflow.source.name': 'Source',
  'mlflow.source.type': 'Kind of source',
  'mlflow.source.git.commit': 'Commit',
  'mlflow.source.git.branch': 'Branch',
  'mlflow.source.git.repoURL': 'Repository',
  'tidemill.code.dirty': 'Uncommitted changes',
  'tidemill.exit_code': 'Exit code',
}

/** Who ran it, from which code, and where its things are. */
export function aboutRun(run: DetailedRun): [string, ReactNode][] {
  const tag = (key: string) => run.tags.find((one) => one.key === key)?.value
  const pipelineRun = pipelineRunOf(run)
  return [
    ...(run.endMs === undefined ? [] : [['Ended', exact(run.endMs)] as [string, string]]),
    ...(run.userId === '' ? [] : [['User', run.userId] as [string, string]]),
    ...Object.entries(sourceTags).flatMap(([key, name]): [string, ReactNode][] => {
      const value = tag(key)
      if (value === undefined) return []
      return [[name, key.startsWith('mlflow.source.git.commit') ? <code>{value}</code> : value]]
    }),
    ...(pipelineRun === undefined
      ? []
      : [
          [
            'Pipeline run',
            <Link key="pipeline" href={`/pipeline-runs/${pipelineRun.id}`}>
              {pipelineRun.id}
            </Link>,
          ] as [string, ReactNode],
        ]),
    ['Run id', <code key="id">{run.id}</code>],
    ['Artifacts at', <code key="artifacts">{run.artifactUri}</code>],
  ]
}

/** The pipeline run that a tracking run records, or the one of its step: its parent's id is that run's without dashes. */
export function pipelineRunOf(run: DetailedRun): { id: string; isStep: boolean } | undefined {
  const tag = (key: string) => run.tags.find((one) => one.key === key)?.value
  const own = tag('tidemill.pipeline_run')
  if (own !== undefined) return { id: own, isStep: false }
  if (tag('tidemill.step') === undefined || run.parentRunId?.length !== 32) return undefined
  const [, a, b, c, d, e] = /^(.{8})(.{4})(.{4})(.{4})(.{12})$/.exec(run.parentRunId) ?? []
  return { id: [a, b, c, d, e].join('-'), isStep: true }
}
