import { useQuery } from '@tanstack/react-query'
import { type KeyboardEvent, useState } from 'react'
import { datasets, deployments, models, newestRuns, pipelines } from '../api.ts'
import { pages } from './keys.ts'
import { Overlay } from './Overlay.tsx'
import styles from './Overlay.module.css'

interface Command {
  name: string
  kind: string
  href: string
}

export function CommandPalette({ go, onClose }: { go: (href: string) => void; onClose: () => void }) {
  const [text, setText] = useState('')
  const [current, setCurrent] = useState(0)
  const found = rank(useCommands(), text).slice(0, 40)
  const open = (command: Command | undefined) => {
    if (!command) return
    onClose()
    go(command.href)
  }
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'ArrowDown') setCurrent(Math.min(found.length - 1, current + 1))
    else if (event.key === 'ArrowUp') setCurrent(Math.max(0, current - 1))
    else if (event.key === 'Enter') open(found[current])
    else return
    event.preventDefault()
  }
  return (
    <Overlay label="Search" onClose={onClose}>
      <input
        className={styles['input']}
        role="combobox"
        aria-label="Search pages, runs, models, deployments, data"
        aria-expanded
        aria-controls="commands"
        aria-activedescendant={found.length > 0 ? `command-${current}` : undefined}
        placeholder="Go to…"
        autoComplete="off"
        value={text}
        onChange={(event) => {
          setText(event.target.value)
          setCurrent(0)
        }}
        onKeyDown={onKeyDown}
      />
      <ul id="commands" role="listbox" aria-label="Found" className={styles['list']}>
        {found.map((command, index) => (
          <li
            key={command.href}
            id={`command-${index}`}
            role="option"
            aria-selected={index === current}
            className={styles['option']}
            onPointerMove={() => setCurrent(index)}
            onClick={() => open(command)}
            ref={(element) => {
              if (index === current) element?.scrollIntoView({ block: 'nearest' })
            }}
          >
            <span>{command.name}</span>
            <span className={styles['kind']}>{command.kind}</span>
          </li>
        ))}
      </ul>
      {found.length === 0 && <p className={styles['none']}>Nothing is called “{text}”.</p>}
    </Overlay>
  )
}

function useCommands(): Command[] {
  const deployed = useQuery(deployments()).data?.items ?? []
  const registered = useQuery(models()).data?.items ?? []
  const built = useQuery(pipelines()).data?.items ?? []
  const stored = useQuery(datasets()).data?.items ?? []
  const tracked = useQuery(newestRuns(50)).data?.rows ?? []
  return [
    ...pages.map((page) => ({ name: page.name, kind: `g ${page.key}`, href: page.href })),
    ...deployed.map(({ name }) => ({ name, kind: 'deployment', href: `/deployments/${name}` })),
    ...deployed.map(({ name }) => ({ name, kind: 'monitoring', href: `/monitoring/${name}` })),
    ...registered.map(({ name }) => ({ name, kind: 'model', href: `/models/${name}` })),
    ...built.map(({ name }) => ({
      name,
      kind: 'pipeline',
      href: `/pipelines?pipeline=${encodeURIComponent(name)}`,
    })),
    ...stored.map(({ name }) => ({ name, kind: 'dataset', href: `/datasets/${name}` })),
    ...tracked.map(({ id, name }) => ({ name, kind: 'run', href: `/runs/${id}` })),
  ]
}

/** A name that begins with the text first, then one that contains it, then its letters in order. */
function rank(commands: Command[], text: string): Command[] {
  const wanted = text.trim().toLowerCase()
  if (wanted === '') return commands
  const score = (command: Command): number => {
    const name = `${command.name} ${command.kind}`.toLowerCase()
    if (name.startsWith(wanted)) return 0
    if (name.includes(wanted)) return 1
    let at = -1
    for (const letter of wanted) {
      at = name.indexOf(letter, at + 1)
      if (at === -1) return 9
    }
    return 2
  }
  return commands
    .map((command) => ({ command, score: score(command) }))
    .filter((scored) => scored.score < 9)
    .sort((a, b) => a.score - b.score)
    .map((scored) => scored.command)
}
