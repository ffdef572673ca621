import { useMemo, useState } from 'react'
import { useParam } from '../kit/address.ts'
import { Button } from '../kit/Button.tsx'
import { Section } from '../kit/Page.tsx'
import { CurveControls, useCurveSettings } from './curve-settings.tsx'
import { groupKeys } from './curve-points.ts'
import { MetricPanel } from './MetricPanel.tsx'
import styles from './Panels.module.css'

const shownAtFirst = 12
const worthASearch = 9

interface GroupsProps {
  runs: readonly { id: string; name: string; startMs: number }[]
  keys: readonly string[]
}

/** Small multiples by the prefix of their names, as `train/loss` and `train/auc`; what the machine measured of itself comes last, folded. */
export function MetricGroups({ runs, keys }: GroupsProps) {
  const settings = useCurveSettings()
  const steady = useMemo(
    () => settings,
    // oxlint-disable-next-line react-hooks/exhaustive-deps
    [settings.weight, settings.x, settings.logX, settings.logY],
  )
  const [wanted, setWanted] = useParam('metric', '')
  const found = keys.filter((key) => key.toLowerCase().includes(wanted.toLowerCase()))
  const own = groupKeys(found.filter((key) => !key.startsWith('system/')))
  const system = found.filter((key) => key.startsWith('system/'))
  if (keys.length === 0) return null
  return (
    <>
      {(own.length > 0 || wanted !== '') && (
        <Section
          title="Curves"
          note={
            <>
              {keys.length > worthASearch && (
                <input
                  className={styles['search']}
                  aria-label="Find a metric"
                  placeholder="Find a metric"
                  value={wanted}
                  onChange={(event) => setWanted(event.target.value)}
                />
              )}
              <CurveControls />
            </>
          }
        >
          {own.map(([prefix, members]) => (
            <Group
              key={prefix}
              prefix={own.length > 1 ? prefix : ''}
              keys={members}
              runs={runs}
              settings={steady}
            />
          ))}
          {found.length === 0 && <p>No metric contains “{wanted}”.</p>}
        </Section>
      )}
      {system.length > 0 && <SystemMetrics keys={system} runs={runs} settings={steady} />}
    </>
  )
}

type Settings = ReturnType<typeof useCurveSettings>

function Group({ prefix, keys, runs, settings }: GroupsProps & { prefix: string; settings: Settings }) {
  const [all, setAll] = useState(false)
  const shown = all ? keys : keys.slice(0, shownAtFirst)
  return (
    <div role="group" aria-label={prefix === '' ? 'Metrics' : prefix} className={styles['group']}>
      {prefix !== '' && <h3 className={styles['prefix']}>{prefix}</h3>}
      <div className={styles['panels']}>
        {shown.map((key) => (
          <MetricPanel key={key} runs={runs} metricKey={key} settings={settings} />
        ))}
      </div>
      {shown.length < keys.length && (
        <p className={styles['more']}>
          <Button look="quiet" onPress={() => setAll(true)}>
            Show all {keys.length}
          </Button>
        </p>
      )}
    </div>
  )
}

function SystemMetrics({ keys, runs, settings }: GroupsProps & { settings: Settings }) {
  const [open, setOpen] = useState(false)
  return (
    <Section
      title="System metrics"
      note={
        <Button look="quiet" expanded={open} onPress={() => setOpen(!open)}>
          {open ? 'Hide' : `Show ${keys.length}`}
        </Button>
      }
    >
      {open && (
        <div className={styles['panels']}>
          {keys.map((key) => (
            <MetricPanel
              key={key}
              runs={runs}
              metricKey={key}
              settings={settings}
              label={key.replace('system/', '')}
            />
          ))}
        </div>
      )}
    </Section>
  )
}
