import { useParam } from '../kit/address.ts'
import type { XKind } from './curve-points.ts'
import styles from './Panels.module.css'
import { Smoothing, useSmoothing } from './Smoothing.tsx'

export interface CurveSettings {
  weight: number
  x: XKind
  logX: boolean
  logY: boolean
}

const kinds: Record<XKind, string> = { step: 'Step', relative: 'Time since start', time: 'Clock time' }

/** How all curves of a page are drawn, kept in its address. */
export function useCurveSettings(): CurveSettings {
  const [weight] = useSmoothing()
  const [x] = useParam('x', 'step')
  const [log] = useParam('log', '')
  return {
    weight,
    x: x === 'time' || x === 'relative' ? x : 'step',
    logX: log.includes('x') && x !== 'time',
    logY: log.includes('y'),
  }
}

export function CurveControls() {
  const settings = useCurveSettings()
  const [, setX] = useParam('x', 'step')
  const [, setLog] = useParam('log', '')
  const { logX, logY } = settings
  const write = (x: boolean, y: boolean) => setLog(`${x ? 'x' : ''}${y ? 'y' : ''}`)
  return (
    <span className={styles['controls']}>
      <select aria-label="Horizontal axis" value={settings.x} onChange={(event) => setX(event.target.value)}>
        {Object.entries(kinds).map(([kind, name]) => (
          <option key={kind} value={kind}>
            {name}
          </option>
        ))}
      </select>
      <label>
        <input
          type="checkbox"
          checked={logX}
          disabled={settings.x === 'time'}
          onChange={() => write(!logX, logY)}
        />{' '}
        log x
      </label>
      <label>
        <input type="checkbox" checked={logY} onChange={() => write(logX, !logY)} /> log y
      </label>
      <Smoothing />
    </span>
  )
}

export function xName(kind: XKind): string {
  return kind === 'step' ? 'Step' : kind === 'time' ? 'Time' : 'Seconds'
}
