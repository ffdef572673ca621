import type { InvalidateQueryFilters } from '@tanstack/react-query'
import { useEffect, useState, useSyncExternalStore } from 'react'
import type { StationName } from './answers.ts'
import { base, queryClient } from './api.ts'

/** Which rooms' data an event makes old; the kinds are the server's closed catalogue. */
const rooms: Record<string, readonly string[]> = {
  'dataset.version_created': ['data'],
  'dataset.rejected': ['data'],
  'features.materialized': ['features'],
  'features.skewed': ['features', 'monitoring'],
  'pipeline.run_started': ['pipelines'],
  'pipeline.run_finished': ['pipelines'],
  'pipeline.step_changed': ['pipelines'],
  // The runs themselves are told one by one.
  'run.changed': ['experiments'],
  'model.version_created': ['registry'],
  'model.alias_set': ['registry'],
  'benchmark.changed': ['benchmarks'],
  'model.changed': ['registry'],
  'promotion.changed': ['registry'],
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
  'access.changed': ['people'],
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
export type Connection = 'connecting' | 'live' | 'away' | 'back'

type RunsListener = (runIds: readonly string[]) => void

const refreshMs = 400
const litMs = 2500
const echoMs = 1200
const backMs = 4000

class Stream {
  #connection: Connection = 'connecting'
  #lit: ReadonlySet<Line> = new Set()
  readonly #stale = new Set<string>()
  readonly #timers = new Map<Line, ReturnType<typeof setTimeout>>()
  #refresh: ReturnType<typeof setTimeout> | undefined
  readonly #listeners = new Set<() => void>()
  readonly #changedRuns = new Set<string>()
  readonly #echoes = new Map<string, ReturnType<typeof setTimeout>>()
  readonly #runListeners = new Set<RunsListener>()
  /** Answers that were on their way when what they tell changed, by the hash of their query. */
  readonly #awaited = new Set<string>()

  open(): () => void {
    const source = new EventSource(`${base}/api/v1/events`)
    source.addEventListener('open', () => {
      if (this.#connection !== 'away') {
        readAgainWhatIsThere()
        return this.#become('live')
      }
      refreshAll()
      this.#become('back')
      setTimeout(() => this.#connection === 'back' && this.#become('live'), backMs)
    })
    source.addEventListener('error', () => this.#become('away'))
    for (const kind of Object.keys(rooms))
      source.addEventListener(kind, (event: MessageEvent<string>) => this.#receive(kind, event.data))
    return () => source.close()
  }

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
  /** Calls the listener with the ids of runs that changed. */
  subscribeRuns = (listener: RunsListener): (() => void) => {
    this.#runListeners.add(listener)
    return () => this.#runListeners.delete(listener)
  }
  connection = (): Connection => this.#connection
  lit = (): ReadonlySet<Line> => this.#lit

  #become(connection: Connection): void {
    this.#connection = connection
    this.#tell()
  }

  #receive(kind: string, data: string): void {
    const { payload } = JSON.parse(data) as { payload?: { runId?: string } }
    if (kind === 'run.changed' && payload?.runId !== undefined) this.#runChanged(payload.runId)
    for (const room of rooms[kind] ?? []) this.#stale.add(room)
    this.#stale.add('overview')
    this.#refreshSoon()
    const line = lines[kind]
    if (line !== undefined) this.#light(line)
  }

  /** The server tells of a run at most once a second: what it logs in the rest of that second is read a little later. */
  #runChanged(runId: string): void {
    this.#changedRuns.add(runId)
    clearTimeout(this.#echoes.get(runId))
    const echo = setTimeout(() => {
      this.#echoes.delete(runId)
      this.#changedRuns.add(runId)
      this.#refreshSoon()
    }, echoMs)
    this.#echoes.set(runId, echo)
  }

  #refreshSoon(): void {
    if (this.#refresh === undefined) this.#refresh = setTimeout(() => this.#flush(), refreshMs)
  }

  #flush(): void {
    this.#refresh = undefined
    const stale = [...this.#stale]
    this.#stale.clear()
    for (const room of stale) this.#readAgain({ queryKey: [room] })
    if (this.#changedRuns.size === 0) return
    const runIds = [...this.#changedRuns]
    this.#changedRuns.clear()
    this.#readAgain(queriesOf(runIds))
    for (const listener of this.#runListeners) listener(runIds)
  }

  /**
   * Reads again what is old. An answer that is on its way is awaited and then asked for once more: were it given up for each change, a
   * slow one would never come while changes do.
   */
  #readAgain(filters: InvalidateQueryFilters): void {
    const underWay = queryClient.getQueryCache().findAll({ ...filters, fetchStatus: 'fetching' })
    void queryClient.invalidateQueries(filters, { cancelRefetch: false })
    for (const { queryHash, queryKey, promise } of underWay) {
      if (this.#awaited.has(queryHash)) continue
      this.#awaited.add(queryHash)
      const once = (): void => {
        this.#awaited.delete(queryHash)
        void queryClient.invalidateQueries({ queryKey, exact: true }, { cancelRefetch: false })
      }
      void promise?.then(once, once)
    }
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

/** What was read before the stream was open may have changed in between. */
function readAgainWhatIsThere(): void {
  void queryClient.invalidateQueries({ predicate: ({ state }) => state.status === 'success' })
}

/** Long tables begin anew; everything else is read again in place. */
function refreshAll(): void {
  void queryClient.resetQueries({ queryKey: ['run-table'] })
  void queryClient.invalidateQueries({ predicate: ({ queryKey }) => queryKey[0] !== 'run-table' })
}

/** What is known of a run, or of several together, is under an address that has its id. */
function queriesOf(runIds: readonly string[]): InvalidateQueryFilters {
  return {
    predicate: ({ queryKey: [room, path] }) =>
      room === 'tracking' && typeof path === 'string' && runIds.some((id) => path.includes(id.slice(0, 12))),
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

/** Calls back with the ids of runs that changed, a few times a second at most. */
export function useRunChanges(listener: (runIds: readonly string[]) => unknown): void {
  useEffect(() => stream.subscribeRuns((runIds) => void listener(runIds)), [listener])
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
