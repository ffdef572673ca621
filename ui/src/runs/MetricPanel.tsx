import { useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import { Curves } from '../charts/Curves.tsx'
import { useSeen } from '../charts/visible.ts'
import { runColour } from '../palette.ts'
import { runCurves } from './api.ts'
import { type CurveSettings, xName } from './curve-settings.tsx'
import { drawnPoints } from './curve-points.ts'
import { dashes } from './facets.ts'
import styles from './Panels.module.css'

interface PanelProps {
  runs: readonly { id: string; name: string; startMs: number }[]
  metricKey: string
  settings: CurveSettings
  /** What the caption says; default: the key. */
  label?: string
}

/** One metric of one run or of several, read when it is looked at. */
export function MetricPanel(props: PanelProps) {
  const [place, seen] = useSeen()
  return (
    <div ref={place} className={styles['panel']}>
      {seen ? <Panel {...props} /> : <div className={styles['ahead']}>{props.label ?? props.metricKey}</div>}
    </div>
  )
}

function Panel({ runs, metricKey, settings, label = metricKey }: PanelProps) {
  const query = useQuery(
    runCurves(
      runs.map(({ id }) => id),
      metricKey,
    ),
  )
  const answered = query.data?.curves
  const curves = useMemo(() => {
    const byId = new Map(answered?.map((curve) => [curve.runId, curve.points]))
    const dashed = dashes(runs.map(({ id }) => id))
    return runs
      .filter((run) => (byId.get(run.id)?.length ?? 0) > 0)
      .map((run) => ({
        name: run.name,
        colour: runColour(run.id),
        ...drawnPoints(run.startMs, byId.get(run.id) ?? [], settings),
        ...dashed.get(run.id),
      }))
  }, [answered, runs, settings])
  if (answered === undefined) return <div className={styles['ahead']}>{label}</div>
  if (curves.every((curve) => curve.xs.length === 0))
    return <div className={styles['ahead']}>{label}: no finite value</div>
  return (
    <Curves
      label={label}
      curves={curves}
      weight={settings.weight}
      xName={xName(settings.x)}
      time={settings.x === 'time'}
      steps={settings.x === 'step'}
      logX={settings.logX}
      logY={settings.logY}
    />
  )
}
