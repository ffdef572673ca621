import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { initProject } from './init.ts'
import { loadProject } from './load.ts'

async function newFolder(): Promise<string> {
  return join(await mkdtemp(join(tmpdir(), 'tidemill-init-')), 'mine')
}

test('A new project loads outside of any checkout, and declares the whole loop', async () => {
  const folder = await newFolder()
  const files = await initProject(folder)
  expect(files).toContain('tidemill.config.ts')
  expect(files).toContain('data/customers.csv')
  const { definition } = await loadProject(folder)
  expect(definition.pipelines.pipelines.map(({ name }) => name)).toEqual(['train'])
  expect(definition.data.datasets.map(({ name }) => name)).toEqual(['customers'])
  expect(definition.serving.deployments.map(({ name }) => name)).toEqual(['churn'])
  expect(definition.monitoring.monitors).toHaveLength(1)
})

test('A folder that has files is left as it is', async () => {
  const folder = await newFolder()
  await initProject(folder)
  await writeFile(join(folder, 'data.ts'), 'mine')
  await expect(initProject(folder)).rejects.toMatchObject({ code: 'already_exists' })
})
