import { join } from 'node:path'
import { expect, it } from 'vitest'
import { closure } from '../../test/closure.ts'

it('importing tidemill loads definitions, their schemas and zod, and no store, database, DuckDB or server', async () => {
  const { files, packages } = await closure(join(import.meta.dirname, 'project.ts'))
  expect([...packages]).toEqual(['zod'])
  const heavy =
    /(store|tables|routes|jobs|commands|runner)\.ts$|^(ports|http|server|worker|gateway|jobs|governance)\//
  expect([...files].filter((path) => heavy.test(path))).toEqual([])
  expect(files.size).toBeLessThan(40)
})
