import { ProjectProcess } from './child-process.ts'

/** Warm processes: one that has the wanted code is taken again; of others, the one idle longest gives way. */
export class ProcessPool implements AsyncDisposable {
  readonly #maxIdle: number
  readonly #idle: ProjectProcess[] = []
  readonly #busy = new Set<ProjectProcess>()

  constructor(maxIdle: number) {
    this.#maxIdle = maxIdle
  }

  /** Runs work with a process that has the folder's code. */
  async use<Result>(folder: string, work: (process: ProjectProcess) => Promise<Result>): Promise<Result> {
    const process = this.#take(folder)
    this.#busy.add(process)
    try {
      return await work(process)
    } finally {
      this.#busy.delete(process)
      this.#put(process)
    }
  }

  #take(folder: string): ProjectProcess {
    const at = this.#idle.findLastIndex((process) => process.folder === folder && process.usable)
    return at < 0 ? new ProjectProcess(folder) : this.#idle.splice(at, 1)[0]!
  }

  #put(process: ProjectProcess): void {
    if (process.usable) this.#idle.push(process)
    for (const gone of this.#idle.splice(0, Math.max(0, this.#idle.length - this.#maxIdle))) {
      gone[Symbol.dispose]()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#idle.splice(0), ...this.#busy].map((process) => process.end()))
  }
}
