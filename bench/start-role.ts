// Starts one role as `tidemill server` and `tidemill worker` do, without the rest of the command line.
import type { Context } from '../src/http/context.ts'
import { openContext } from '../src/http/open-context.ts'
import { loadConfig } from '../src/kernel/config.ts'
import { runRole } from '../src/supervisor/role.ts'

const role = process.argv[2] === 'server' ? 'server' : 'worker'
await runRole(role, loadConfig(process.cwd(), process.env), async (config) => {
  const context = await openContext(config, role)
  const running: AsyncDisposable & { url?: string } = await start(context)
  return {
    ...(running.url !== undefined && { url: running.url }),
    async [Symbol.asyncDispose]() {
      await running[Symbol.asyncDispose]()
      await context[Symbol.asyncDispose]()
    },
  }
})

async function start(context: Context): Promise<AsyncDisposable & { url?: string }> {
  if (role === 'worker') return await (await import('../src/worker/worker.ts')).startWorker(context)
  return await (await import('../src/server/server.ts')).startServer(context)
}
