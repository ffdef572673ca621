import { useQuery } from '@tanstack/react-query'
import { ChevronDown, ChevronRight, File, Folder } from 'lucide-react'
import { useState } from 'react'
import { bytes } from '../format.ts'
import { useParam } from '../kit/address.ts'
import { Section } from '../kit/Page.tsx'
import { Quiet } from '../kit/Table.tsx'
import type { ArtifactEntry } from './answers.ts'
import { artifactFolder } from './artifact-api.ts'
import { ArtifactPreview } from './ArtifactPreview.tsx'
import styles from './Artifacts.module.css'

/** What the run stored: folders open where they stand, the chosen file beside them. */
export function Artifacts({ runId, entries }: { runId: string; entries: readonly ArtifactEntry[] }) {
  const [chosen, choose] = useParam('artifact', '')
  const folder = chosen.includes('/') ? chosen.slice(0, chosen.lastIndexOf('/')) : ''
  const siblings = useQuery({ ...artifactFolder(runId, folder), enabled: chosen !== '' }).data?.items
  const file = siblings?.find((entry) => entry.path === chosen && !entry.isDirectory)
  return (
    <Section title="Artifacts">
      {entries.length === 0 ? (
        <Quiet>None were stored.</Quiet>
      ) : (
        <div className={`${styles['sides']} ${file ? styles['split'] : ''}`}>
          <ul className={styles['tree']} aria-label="Files">
            {entries.map((entry) => (
              <Entry
                key={entry.path}
                runId={runId}
                entry={entry}
                depth={0}
                chosen={chosen}
                onChoose={choose}
              />
            ))}
          </ul>
          {file && <ArtifactPreview runId={runId} path={file.path} sizeBytes={file.sizeBytes ?? 0} />}
        </div>
      )}
    </Section>
  )
}

interface EntryProps {
  runId: string
  entry: ArtifactEntry
  depth: number
  chosen: string
  onChoose: (path: string) => void
}

function Entry({ runId, entry, depth, chosen, onChoose }: EntryProps) {
  const [open, setOpen] = useState(chosen.startsWith(`${entry.path}/`))
  const inside = useQuery({ ...artifactFolder(runId, entry.path), enabled: entry.isDirectory && open })
  const name = entry.path.slice(entry.path.lastIndexOf('/') + 1)
  const Chevron = open ? ChevronDown : ChevronRight
  return (
    <li>
      <button
        type="button"
        className={styles['entry']}
        style={{ paddingLeft: 6 + depth * 18 }}
        {...(entry.isDirectory ? { 'aria-expanded': open } : { 'aria-pressed': entry.path === chosen })}
        onClick={() =>
          entry.isDirectory ? setOpen(!open) : onChoose(entry.path === chosen ? '' : entry.path)
        }
      >
        {entry.isDirectory ? <Chevron size={13} aria-hidden /> : <span className={styles['gap']} />}
        {entry.isDirectory ? <Folder size={14} aria-hidden /> : <File size={14} aria-hidden />}
        <span className={styles['entryName']}>{name}</span>
        <small>{entry.sizeBytes === undefined ? '' : bytes(entry.sizeBytes)}</small>
      </button>
      {open && inside.data && (
        <ul aria-label={name}>
          {inside.data.items.map((child) => (
            <Entry
              key={child.path}
              runId={runId}
              entry={child}
              depth={depth + 1}
              chosen={chosen}
              onChoose={onChoose}
            />
          ))}
        </ul>
      )}
    </li>
  )
}
