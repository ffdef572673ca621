import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { openTestContext } from '../../../test/databases.ts'
import { localOwner } from '../../kernel/actor.ts'
import { STATUS } from './errors.ts'
import { mlflowApp } from './mlflow.ts'

const file = join(import.meta.dirname, '../../../docs/reference/mlflow.md')
/** Without the spaces that align its tables. */
const page = readFileSync(file, 'utf8').replaceAll(/ +/g, ' ')

it('lists every error with its status in the docs', () => {
  for (const [code, { status, errorCode }] of Object.entries(STATUS))
    expect(page).toContain(`| \`${code}\` | ${status} | \`${errorCode}\` |`)
})

it('knows where a request comes from, also when the client’s address ended in a slash', async () => {
  await using context = await openTestContext()
  const seen: string[] = []
  const app = mlflowApp(context, (_, address) => {
    seen.push(address)
    return localOwner
  })
  const env = { incoming: { socket: { remoteAddress: '203.0.113.7' } } }
  for (const slash of ['', '/'])
    await app.request(`http://localhost${slash}/api/2.0/mlflow/experiments/get?experiment_id=0`, {}, env)
  expect(seen).toEqual(['203.0.113.7', '203.0.113.7'])
})
