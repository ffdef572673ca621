import { useMutation, useQuery } from '@tanstack/react-query'
import { Bookmark, X } from 'lucide-react'
import { useState } from 'react'
import { useLocation, useSearch } from 'wouter'
import { queryClient } from '../api.ts'
import { Button } from '../kit/Button.tsx'
import { messageOf } from '../kit/Loaded.tsx'
import { Overlay } from '../kit/Overlay.tsx'
import { Quiet } from '../kit/Table.tsx'
import { deleteSavedView, savedViews, saveView } from './api.ts'
import styles from './RunsPage.module.css'

/** Names for states of this page: filter, columns, order. They are the project's, for everyone who works in it. */
export function SavedViews() {
  const [open, setOpen] = useState(false)
  return (
    <>
      <Button onPress={() => setOpen(true)}>
        <Bookmark size={14} aria-hidden /> Views
      </Button>
      {open && <Views onClose={() => setOpen(false)} />}
    </>
  )
}

function Views({ onClose }: { onClose: () => void }) {
  const views = useQuery(savedViews()).data?.items ?? []
  const [name, setName] = useState('')
  const [, go] = useLocation()
  const here = withoutSelection(useSearch())
  const change = useMutation({
    mutationFn: (work: () => Promise<unknown>) => work(),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: ['saved-views'] }),
  })
  return (
    <Overlay label="Views" onClose={onClose}>
      <div className={styles['views']}>
        <h2>Views</h2>
        {views.length === 0 && (
          <Quiet>No view is saved yet: a view is a filter, columns and an order with a name.</Quiet>
        )}
        <ul aria-label="Saved views">
          {views.map((view) => (
            <li key={view.id}>
              <button
                type="button"
                className={styles['view']}
                aria-current={view.query === here}
                onClick={() => {
                  onClose()
                  go(`/runs${view.query === '' ? '' : `?${view.query}`}`)
                }}
              >
                {view.name}
              </button>
              <button
                type="button"
                className={styles['nest']}
                aria-label={`Delete the view ${view.name}`}
                onClick={() => change.mutate(() => deleteSavedView(view.id))}
              >
                <X size={13} aria-hidden />
              </button>
            </li>
          ))}
        </ul>
        <form
          className={styles['saveView']}
          onSubmit={(event) => {
            event.preventDefault()
            if (name.trim() !== '')
              change.mutate(() => saveView(name.trim(), here), { onSuccess: () => setName('') })
          }}
        >
          <input
            aria-label="Name for this view"
            placeholder="Name for what is shown now"
            value={name}
            maxLength={100}
            onChange={(event) => setName(event.target.value)}
          />
          <Button submit look="primary" onPress={() => {}} disabled={name.trim() === '' || change.isPending}>
            Save
          </Button>
        </form>
        {change.isError && <p role="alert">{messageOf(change.error)}</p>}
      </div>
    </Overlay>
  )
}

/** Which runs are selected belongs to a moment, not to a view. */
function withoutSelection(search: string): string {
  const params = new URLSearchParams(search)
  params.delete('selected')
  params.delete('open')
  return params.toString()
}
