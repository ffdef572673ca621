import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { z } from 'zod'
import { AppError } from './errors.ts'
import { isLoopback } from './loopback.ts'

const port = z.coerce.number().int().min(0).max(65_535)
const flag = z
  .union([z.boolean(), z.enum(['true', 'false', '1', '0'])])
  .transform((value) => value === true || value === 'true' || value === '1')

function wrongOnlineUrl(text: string): string | undefined {
  if (text === 'sqlite') return undefined
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !/^rediss?:$/.test(url.protocol) || url.hostname === '')
    return 'It must be `sqlite` or `redis://host:6379/0`'
  if (!/^(\/\d{0,4})?$/.test(url.pathname)) return 'Its path must be the number of a Redis database'
  const unknown = [...url.searchParams.keys()].find((name) => name !== 'prefix')
  return unknown === undefined ? undefined : `It has ?${unknown}=; only ?prefix= is known`
}

/** Every setting. A key `dataDir` is read from `tidemill.json` and from the environment as `TIDEMILL_DATA_DIR`. */
export const configSchema = z.strictObject({
  dataDir: z.string().default('.tidemill').describe('Folder of everything that Tidemill keeps'),
  host: z.string().default('127.0.0.1').describe('Address the server and the gateway bind to'),
  publicUrl: z
    .url({ protocol: /^https?$/ })
    .refine((text) => {
      const url = URL.parse(text)
      return url === null || (url.pathname === '/' && url.search === '')
    }, 'It must have no path')
    .transform((text) => new URL(text).origin)
    .optional()
    .describe(
      'Address that people use, such as `https://mill.example.org`, where a reverse proxy stands in front',
    ),
  signIn: z
    .enum(['auto', 'required'])
    .default('auto')
    .describe(
      'Who must sign in: `auto` means everybody where `host` is beyond loopback or `publicUrl` is set, and nobody otherwise',
    ),
  oidcIssuer: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe(
      'Identity provider by which people may sign in with OpenID Connect, such as `https://id.example.org`',
    ),
  oidcClientId: z.string().min(1).optional().describe('What the identity provider knows Tidemill as'),
  oidcClientSecret: z
    .string()
    .min(1)
    .optional()
    .describe('Secret of that client; better in the environment than in the file'),
  oidcAllowedDomains: z
    .string()
    .default('')
    .describe(
      'Domains of the verified addresses that may come in without an invite, separated by commas; empty: all that the provider lets in',
    ),
  oidcDefaultRole: z
    .enum(['none', 'viewer', 'contributor', 'maintainer'])
    .default('none')
    .describe('Role in all projects of who comes in without an invite'),
  port: port.default(8433).describe('Port of the server; 0 picks a free one'),
  serverUrl: z
    .url({ protocol: /^https?$/ })
    .transform((text) => text.replace(/\/$/, ''))
    .optional()
    .describe(
      'Address at which gateways reach the server, for what it alone may do; default: `host` and `port`, as on one machine',
    ),
  gatewayPort: port.default(8434).describe('Port of the gateway; 0 picks a free one'),
  gatewayId: z
    .string()
    .regex(/^[a-z0-9-]{1,40}$/)
    .default('gateway-1')
    .describe('Stable name of this gateway; its spool is kept under it'),
  databaseUrl: z
    .string()
    .default('sqlite')
    .describe('`sqlite` (in the data folder) or `postgres://user:password@host/database`'),
  onlineUrl: z
    .string()
    .superRefine((text, check) => {
      const wrong = wrongOnlineUrl(text)
      if (wrong !== undefined) check.addIssue(wrong)
    })
    .default('sqlite')
    .describe(
      'Online store of features: `sqlite` (in the data folder) or `redis://user:password@host:6379/0`, `rediss://` with TLS; `?prefix=` before the name of every key, default `tidemill:`',
    ),
  logLevel: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'silent'])
    .default('info')
    .describe('Least severe level that is logged'),
  workSlots: z.coerce
    .number()
    .int()
    .min(1)
    .max(64)
    .default(2)
    .describe('Steps and jobs a worker runs at once'),
  pipelineSlots: z.coerce
    .number()
    .int()
    .min(1)
    .max(256)
    .default(8)
    .describe('Pipeline functions a worker runs at once'),
  replay: flag
    .default(false)
    .describe('Domain time stands still and is stepped by a driver; requests carry their event time'),
  maxBodyBytes: z.coerce
    .number()
    .int()
    .min(1024)
    .default(32 * 1024 * 1024)
    .describe('Largest request body that is read, in bytes'),
  pythonModels: flag
    .optional()
    .describe(
      'Serve MLflow pyfunc models, whose files are code that runs with this program’s rights; default: only while `host` is loopback and there is no `publicUrl`',
    ),
  python: z
    .string()
    .min(1)
    .default('python3')
    .describe(
      'Python that runs a pyfunc model without an environment of its own; it needs mlflow and what the model needs',
    ),
  pythonStartMs: z.coerce
    .number()
    .int()
    .min(100)
    .default(60_000)
    .describe('How long a pyfunc model may take to load, in milliseconds'),
  pythonCallMs: z.coerce
    .number()
    .int()
    .min(10)
    .default(10_000)
    .describe('How long one call of a pyfunc model may take before its process is killed, in milliseconds'),
  pythonMemoryMb: z.coerce
    .number()
    .int()
    .min(64)
    .default(2048)
    .describe(
      'Resident memory that the process of a pyfunc model may take before it is killed, in MB (on Linux)',
    ),
  maxSpillMb: z.coerce
    .number()
    .int()
    .min(1)
    .default(10_240)
    .describe(
      'What one DuckDB may write to disk beside its memory before a query is refused, in MB; a process has few of them',
    ),
  queryLimitMs: z.coerce
    .number()
    .int()
    .min(100)
    .default(60_000)
    .describe('How long one request may read rows of datasets before it is refused, in milliseconds'),
  exportLimitMs: z.coerce
    .number()
    .int()
    .min(100)
    .default(900_000)
    .describe('How long one request may take to export a dataset version, in milliseconds'),
  maxUploadBytes: z.coerce
    .number()
    .int()
    .min(1024)
    .default(1024 ** 3)
    .describe('Largest file that is uploaded to be imported (a model, a golden batch), in bytes'),
  trashDays: z.coerce
    .number()
    .int()
    .min(0)
    .default(0)
    .describe('Deleted runs and experiments are purged by themselves after so many days; 0 for never'),
  webhookPrivateAddresses: flag
    .default(false)
    .describe('Webhooks may call private, loopback and link-local addresses'),
  sourcePrivateAddresses: flag
    .default(false)
    .describe(
      'Sources of datasets (HTTP, S3, PostgreSQL) may reach private, loopback and link-local addresses',
    ),
  openLineageUrl: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe(
      'Where an OpenLineage event is sent after each validation of data, such as `http://marquez:5000/api/v1/lineage`',
    ),
  openLineageToken: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Token for that address, sent as `Authorization: Bearer`; better in the environment than in the file',
    ),
  secretsKey: z
    .string()
    .optional()
    .describe(
      'Key that stored secrets of webhooks are encrypted with: 32 bytes in base64; default: the file `secrets.key` of the data folder, made when it is missing. Machines that share a database need the same',
    ),
  privacyKey: z
    .string()
    .optional()
    .describe(
      'Key that personal values are hashed with: 32 bytes in base64; earlier keys may follow, separated by commas; default: the file `privacy.key` of the data folder, made when it is missing. Machines that share a database need the same',
    ),
})

export type Config = Readonly<z.infer<typeof configSchema>>

/**
 * The settings of one process: defaults, then `tidemill.json` in the given folder, then the environment, then
 * overrides of the command line. An unknown key or a wrong value is refused with its name.
 */
export function loadConfig(
  folder: string,
  env: NodeJS.ProcessEnv,
  overrides: Partial<Record<keyof Config, unknown>> = {},
): Config {
  const merged = { ...readFile(join(folder, 'tidemill.json')), ...readEnvironment(env), ...overrides }
  const parsed = configSchema.safeParse(merged)
  if (!parsed.success) {
    throw new AppError('invalid', `Wrong settings: ${z.prettifyError(parsed.error)}`)
  }
  return Object.freeze({ ...parsed.data, dataDir: resolve(folder, parsed.data.dataDir) })
}

/** The files of a pyfunc model are code. Throws `denied` with the setting where they may not run. */
export function requirePythonModels({
  pythonModels,
  host,
  publicUrl,
}: Pick<Config, 'pythonModels' | 'host' | 'publicUrl'>): void {
  if (pythonModels ?? (isLoopback(host) && publicUrl === undefined)) return
  throw new AppError(
    'denied',
    'A pyfunc model is code that would run here with the rights of this program. Set pythonModels = true ' +
      '(TIDEMILL_PYTHON_MODELS=true) to serve such models',
  )
}

export function environmentName(key: string): string {
  return `TIDEMILL_${key.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`
}

/** Names under `TIDEMILL_` that are no settings: what a step or a source's command is given, and switches of the test suites. */
const NOT_SETTINGS = [
  'TIDEMILL_CONTEXT',
  'TIDEMILL_CURSOR',
  'TIDEMILL_CURSOR_OUTPUT',
  'TIDEMILL_MESSAGES',
  'TIDEMILL_OUTPUT',
  'TIDEMILL_TOKEN',
  'TIDEMILL_URL',
]

function readEnvironment(env: NodeJS.ProcessEnv): Record<string, unknown> {
  const names = new Map(Object.keys(configSchema.shape).map((key) => [environmentName(key), key]))
  const found: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(env)) {
    if (!name.startsWith('TIDEMILL_') || NOT_SETTINGS.includes(name)) continue
    const key = names.get(name)
    if (key === undefined) {
      throw new AppError('invalid', `${name} is no setting. Settings: ${[...names.keys()].join(', ')}`)
    }
    found[key] = value
  }
  return found
}

function readFile(path: string): Record<string, unknown> {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {}
    throw new AppError('invalid', `${path} can't be read`, { cause: error })
  }
  try {
    return z.record(z.string(), z.unknown()).parse(JSON.parse(text))
  } catch (error) {
    throw new AppError('invalid', `${path} is no JSON object`, { cause: error })
  }
}
