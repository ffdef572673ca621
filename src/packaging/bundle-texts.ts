/** What a person needs around the files of a bundle. */
export interface BundleFacts {
  model: string
  version: number
  deployment: string
  program: string
  isPython: boolean
}

/** Starts a packaged model. Plain JavaScript that imports nothing of the bundle before it has been checked. */
export const SERVE = `// Serves the model in this folder: node serve.mjs [--verify] [--host 127.0.0.1] [--port 8434] [--log FOLDER] [--open] [--python python3]
// --verify first checks every file against manifest.json; --verify-only does that and ends.
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const folder = dirname(fileURLToPath(import.meta.url))

async function sha256(path) {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path)) hash.update(chunk)
  return hash.digest('hex')
}

async function verify() {
  const bytes = await readFile(join(folder, 'manifest.json'))
  const { files } = JSON.parse(bytes)
  const wrong = []
  for (const [path, expected] of Object.entries(files)) {
    const found = await sha256(join(folder, path)).catch(() => 'missing')
    if (found !== expected) wrong.push(path + (found === 'missing' ? ' is missing' : ' was changed'))
  }
  if (wrong.length > 0) fail('not what was packaged: ' + wrong.join(', '))
  const digest = createHash('sha256').update(bytes).digest('hex')
  console.log(Object.keys(files).length + ' files are what was packaged; SHA-256 of manifest.json: ' + digest)
}

function fail(message) {
  console.error('error: ' + message)
  process.exit(1)
}

if (Number(process.versions.node.split('.')[0]) < 24) fail('it needs Node 24 or newer; this is ' + process.version)
const options = process.argv.slice(2)
const checks = ['--verify', '--verify-only']
if (options.some((option) => checks.includes(option))) await verify()
if (!options.includes('--verify-only')) {
  const { runStandalone } = await import('./code/gateway/standalone.js').catch((error) =>
    fail(error.code === 'ERR_MODULE_NOT_FOUND' ? 'its packages are missing: npm install --omit=dev' : error.stack),
  )
  await runStandalone(folder, options.filter((option) => !checks.includes(option))).catch((error) => fail(error.message))
}
`

export function dockerfile({ isPython }: BundleFacts): string {
  const python = [
    'RUN apt-get update && apt-get install --yes --no-install-recommends python3-venv && rm -rf /var/lib/apt/lists/*',
    'COPY python/requirements.txt /tmp/requirements.txt',
    'RUN python3 -m venv /opt/python && /opt/python/bin/pip install --no-cache-dir --requirement /tmp/requirements.txt',
  ]
  const command = [
    'node',
    'serve.mjs',
    '--verify',
    '--host',
    '0.0.0.0',
    ...(isPython ? ['--python', '/opt/python/bin/python'] : []),
  ]
  return `${[
    'FROM node:24-bookworm-slim',
    'WORKDIR /model',
    ...(isPython ? python : []),
    'COPY package.json .npmrc ./',
    'RUN npm install --omit=dev --no-audit --no-fund',
    'COPY . .',
    'EXPOSE 8434',
    '# Callers send TOKEN (docker run --env TOKEN=…); without one add --open, where nobody else can reach the port.',
    `CMD ${JSON.stringify(command)}`,
  ].join('\n')}\n`
}

export function readme({ model, version, deployment, program, isPython }: BundleFacts): string {
  return `# ${model}/${version}

This folder serves the model by itself. It was made by Tidemill ${program}; the code that answers is the gateway's own.

    npm install --omit=dev      # Node 24 or newer
    node serve.mjs --verify

answers on http://127.0.0.1:8434

- Open Inference Protocol: \`POST /v2/models/${deployment}/infer\`, \`GET /v2/models/${deployment}\`, \`GET /v2/health/ready\`
- MLflow scoring: \`POST /invocations\`, \`GET /ping\`

\`--host\`, \`--port\`; beyond loopback set TOKEN in the environment (callers send \`Authorization: Bearer …\`) or say \`--open\`.
\`--log FOLDER\` keeps the prediction log as segments (\`*.seg\`); without it answers say \`logged: false\`. Segments that are put into the spool of a Tidemill gateway are
taken over at its next start.
${isPython ? '\nThe model is Python code that runs with the rights of this server. It needs a Python with what python/requirements.txt names: `--python PATH`.\n' : ''}
\`manifest.json\` has the SHA-256 of every file. \`docker build -t ${model} .\` makes an image.
`
}
