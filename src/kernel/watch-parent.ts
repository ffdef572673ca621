import { Worker } from 'node:worker_threads'

/** Ends this process when its parent is gone, even while its own thread is busy: another thread watches. */
export function watchParent(): void {
  const code = `
    const parent = ${process.ppid}
    setInterval(() => { if (process.ppid !== parent) process.kill(process.pid, 'SIGKILL') }, 500)`
  new Worker(code, { eval: true }).unref()
}
