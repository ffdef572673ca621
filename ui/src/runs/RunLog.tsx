import { useQuery } from '@tanstack/react-query'
import { pipelineRun, stepLog } from '../api.ts'
import { bytes } from '../format.ts'
import { Section } from '../kit/Page.tsx'
import { Quiet } from '../kit/Table.tsx'
import type { DetailedRun } from './answers.ts'
import { artifactTail } from './artifact-api.ts'
import styles from './Panels.module.css'
import { pipelineRunOf } from './run-facts.tsx'

/** What it wrote, where that is known: the output that `tidemill exec` stored, or the log of its step. */
export function RunLog({ run }: { run: DetailedRun }) {
  const file = run.artifacts.find(
    ({ path, isDirectory }) => !isDirectory && /^(output|stdout|train|run)\.log$/.test(path),
  )
  const parent = pipelineRunOf(run)
  if (file) return <StoredLog runId={run.id} path={file.path} />
  return parent?.isStep ? <StepLog pipelineRunId={parent.id} run={run} /> : null
}

function StoredLog({ runId, path }: { runId: string; path: string }) {
  const tail = useQuery(artifactTail(runId, path)).data
  if (tail === undefined) return null
  const cut = tail.sizeBytes > tail.bytes.length
  return (
    <Log
      text={new TextDecoder().decode(tail.bytes)}
      note={cut ? `The last ${bytes(tail.bytes.length)} of ${bytes(tail.sizeBytes)}` : path}
    />
  )
}

function StepLog({ pipelineRunId, run }: { pipelineRunId: string; run: DetailedRun }) {
  const steps = useQuery(pipelineRun(pipelineRunId)).data?.steps
  const step = steps?.find(({ trackingRunId }) => trackingRunId === run.id)
  const log = useQuery({
    ...stepLog(pipelineRunId, step?.id ?? ''),
    enabled: step !== undefined,
    refetchInterval: run.status === 'RUNNING' ? 2000 : false,
  }).data
  return log === undefined ? null : <Log text={log.text} note="The log of its step" />
}

function Log({ text, note }: { text: string; note: string }) {
  return (
    <Section title="Log" note={<Quiet>{note}</Quiet>}>
      {text.trim() === '' ? (
        <Quiet>It wrote nothing.</Quiet>
      ) : (
        <pre
          className={styles['log']}
          tabIndex={0}
          aria-label="Log"
          ref={(box) => void (box && (box.scrollTop = box.scrollHeight))}
        >
          {text}
        </pre>
      )}
    </Section>
  )
}
