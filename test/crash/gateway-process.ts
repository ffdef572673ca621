// A gateway for the kill tests: its data folder is the first argument, its id may be the second. Segments roll quickly, so that kills meet every state of them.
import { startGateway } from '../../src/gateway/gateway.ts'
import { openContext } from '../../src/http/open-context.ts'
import { configSchema } from '../../src/kernel/config.ts'

const context = await openContext(
  configSchema.parse({ dataDir: process.argv[2], gatewayId: process.argv[3], logLevel: 'silent' }),
  'gateway',
)
const roll = { maxBytes: 20_000, maxAgeMs: 100 }
const gateway = await startGateway(context, { host: '127.0.0.1', port: 0, serving: { roll } })
process.send!({ port: gateway.port })
