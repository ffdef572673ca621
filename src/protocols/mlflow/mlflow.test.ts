import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { STATUS } from './errors.ts'

const file = join(import.meta.dirname, '../../../docs/reference/mlflow.md')
/** Without the spaces that align its tables. */
const page = readFileSync(file, 'utf8').replaceAll(/ +/g, ' ')

it('lists every error with its status in the docs', () => {
  for (const [code, { status, errorCode }] of Object.entries(STATUS))
    expect(page).toContain(`| \`${code}\` | ${status} | \`${errorCode}\` |`)
})
