import { useEffect, useState, useSyncExternalStore } from 'react'
import type { StationName } from './answers.ts'
import { base, queryClient } from './api.ts'

/** Which rooms' data an event makes old; the kinds are the server's closed catalogue. */
const rooms: Record<string, readonly string[]> = {
  'dataset.version_created': ['data'],
  'dataset.rejected': ['data'],
  'features.materialized': ['features'],
  'pipeline.run_started': ['pipelines'],
  'pipeline.run_finished': ['pipelines'],
  'pipeline.step_changed': ['pipelines'],
  'run.changed': ['tracking'],
  'model.version_created': ['registry'],
  'model.alias_set': ['registry'],
  'comment.changed': ['comments'],
  'effect.requested': ['pipelines'],
  'effect.settled': ['pipelines'],
  'deployment.changed': ['rollout'],
  'rollout.changed': ['rollout'],
  'segment.closed': ['rollout'],
  'segment.rolled': ['monitoring', 'rollout'],
  'alert.raised': ['monitoring'],
  'alert.cleared': ['monitoring'],
  'project.applied': ['data', 'features', 'pipelines', 'registry', 'rollout', 'monitoring'],
  'decision.recorded': ['decisions', 'rollout', 'registry'],
}

/** The line of the loop that lights up when such an event travels on it. */
const lines: Record<string, Line> = {
  'dataset.version_created': 'data',
  'features.materialized': 'features',
  'run.changed': 'features',
  'model.version_created': 'training',
  'effect.requested': 'gates',
  'rollout.changed': 'rollout',
  'deployment.changed': 'rollout',
  'segment.closed': 'serving',
  'segment.rolled': 'feedback',
  'alert.raised': 'monitoring',
  'pipeline.run_started': 'triggers',
}

/** A line is named by the station it leaves. */
export type Line = StationName
export type Connection = 'connecting' | 'live' | 'away'

const refreshMs = 400
const litMs = 2500

class Stream {
  #connection: Connection = 'connecting'
  #lit: ReadonlySet<Line> = new Set()
  readonly #stale = new Set<string>()
  readonly #timers = new Map<Line, ReturnType<typeof setTimeout>>()
  #refresh: ReturnType<typeof setTimeout> | undefined
  readonly #listeners = new Set<() => void>()

  open(): () => void {
    const source = new EventSource(`${base}/api/v1/events`)
    source.addEventListener('open', () => {
      if (this.#connection === 'away') void queryClient.invalidateQueries()
      this.#become('live')
    })
    source.addEventListener('error', () => this.#become('away'))
    for (const kind of Object.keys(rooms)) source.addEventListener(kind, () => this.#receive(kind))
    return () => source.close()
  }

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
  connection = (): Connection => this.#connection
  lit = (): ReadonlySet<Line> => this.#lit

  #become(connection: Connection): void {
    this.#connection = connection
    this.#tell()
  }

  #receive(kind: string): void {
    for (const room of rooms[kind] ?? []) this.#stale.add(room)
    this.#stale.add('overview')
    if (this.#refresh === undefined) this.#refresh = setTimeout(() => this.#flush(), refreshMs)
    const line = lines[kind]
    if (line !== undefined) this.#light(line)
  }

  #flush(): void {
    this.#refresh = undefined
    const stale = [...this.#stale]
    this.#stale.clear()
    for (const room of stale) void queryClient.invalidateQueries({ queryKey: [room] })
  }

  #light(line: Line): void {
    clearTimeout(this.#timers.get(line))
    this.#timers.set(
      line,
      setTimeout(() => this.#dim(line), litMs),
    )
    if (!this.#lit.has(line)) {
      this.#lit = new Set(this.#lit).add(line)
      this.#tell()
    }
  }

  #dim(line: Line): void {
    const lit = new Set(this.#lit)
    lit.delete(line)
    this.#lit = lit
    this.#tell()
  }

  #tell(): void {
    for (const listener of this.#listeners) listener()
  }
}

const stream = new Stream()

/** Opens the one event stream of this tab. */
export function useStream(): void {
  useEffect(() => stream.open(), [])
}

export function useConnection(): Connection {
  return useSyncExternalStore(stream.subscribe, stream.connection)
}

export function useLitLines(): ReadonlySet<Line> {
  return useSyncExternalStore(stream.subscribe, stream.lit)
}

/** The wall clock, once every `everyMs`, for texts such as "3 min ago". */
export function useWallClock(everyMs: number): number {
  const [now, setNow] = useState(() => Date.now())
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), everyMs)
    return () => clearInterval(timer)
  }, [everyMs])
  return now
}
