import { useState } from 'react'
import { queryClient } from '../api.ts'
import { count } from '../format.ts'
import { Button } from '../kit/Button.tsx'
import { ConfirmDialog } from '../kit/ConfirmDialog.tsx'
import { setRunsLifecycle, tagRuns } from './api.ts'
import styles from './RunsPage.module.css'

const atOnce = 500

interface BulkProps {
  selected: ReadonlySet<string>
  deleted: boolean
  onCompare: () => void
  onClear: () => void
}

/** What can be done with the selected runs. */
export function BulkBar({ selected, deleted, onCompare, onClear }: BulkProps) {
  const [asked, ask] = useState<'lifecycle' | 'tag' | undefined>()
  const [tag, setTag] = useState({ key: '', value: '' })
  const runs = `${count(selected.size)} run${selected.size === 1 ? '' : 's'}`
  const inPieces = async (work: (ids: string[]) => Promise<unknown>): Promise<void> => {
    const ids = [...selected]
    for (let from = 0; from < ids.length; from += atOnce) await work(ids.slice(from, from + atOnce))
    void queryClient.resetQueries({ queryKey: ['run-table'] })
  }
  return (
    <div className={styles['bulk']} role="toolbar" aria-label="Selected runs">
      <strong>{runs} selected</strong>
      <Button onPress={onCompare} disabled={selected.size < 2}>
        Compare
      </Button>
      {!deleted && <Button onPress={() => ask('tag')}>Tag…</Button>}
      <Button onPress={() => ask('lifecycle')}>{deleted ? 'Restore…' : 'Delete…'}</Button>
      <Button look="quiet" onPress={onClear}>
        Clear
      </Button>
      {asked === 'lifecycle' && (
        <ConfirmDialog
          title={`${deleted ? 'Restore' : 'Delete'} ${runs}?`}
          text={
            deleted
              ? 'They come back with everything they have.'
              : 'They can be restored from the deleted runs.'
          }
          verb={deleted ? 'Restore' : 'Delete'}
          askReason={false}
          harmless={deleted}
          onConfirm={() =>
            inPieces((ids) => setRunsLifecycle(ids, deleted ? 'active' : 'deleted')).then(onClear)
          }
          onClose={() => ask(undefined)}
        />
      )}
      {asked === 'tag' && (
        <ConfirmDialog
          title={`Tag ${runs}`}
          text="A tag that is there gets the new value; without a value it is taken away."
          verb="Tag"
          askReason={false}
          harmless
          onConfirm={() =>
            inPieces((ids) => tagRuns(ids, tag.value === '' ? { remove: [tag.key] } : { set: [tag] }))
          }
          onClose={() => ask(undefined)}
        >
          <div className={styles['tagFields']}>
            <label>
              Key
              <input
                value={tag.key}
                maxLength={250}
                onChange={(event) => setTag({ ...tag, key: event.target.value })}
              />
            </label>
            <label>
              Value
              <input value={tag.value} onChange={(event) => setTag({ ...tag, value: event.target.value })} />
            </label>
          </div>
        </ConfirmDialog>
      )}
    </div>
  )
}
