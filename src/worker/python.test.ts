import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { describeDatabases } from '../../test/databases.ts'
import { applyFolder, runToEnd, writeProject } from './sample-project.ts'
import { startWorker } from './worker.ts'

const CONFIG = `
import { Json, pipeline, project, py } from 'tidemill'
import { z } from 'zod'
export const which = py('which.py', { out: { own: Json(z.boolean()) } })
const p = pipeline('p', {}, async () => { if (!(await which().own)) throw new Error('not the project’s Python') })
export default project('python', { pipelines: [p] })
`
const SCRIPT = `
import json, os
print(json.dumps(os.environ.get('OWN_PYTHON') == 'yes'), file=open(os.environ['OUTPUT_own'], 'w'))
`

describeDatabases('a Python step', (open) => {
  it('runs on the .venv beside the project’s node_modules', async () => {
    const context = await open()
    await using _worker = await startWorker(context)
    const folder = writeProject({ 'tidemill.config.ts': CONFIG, 'which.py': SCRIPT })
    mkdirSync(join(folder, 'node_modules'))
    mkdirSync(join(folder, '.venv/bin'), { recursive: true })
    const python = join(folder, '.venv/bin/python')
    writeFileSync(python, '#!/bin/sh\nOWN_PYTHON=yes exec python3 "$@"\n')
    chmodSync(python, 0o755)
    await applyFolder(context, folder)
    expect((await runToEnd(context, 'p')).run).toMatchObject({ state: 'succeeded', error: null })
  })
})
