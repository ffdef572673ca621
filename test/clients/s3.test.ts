import { CreateBucketCommand, DeleteObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { declareDatasets } from '../../src/data/data.ts'
import { ingest } from '../../src/ingest/ingest.ts'
import { dataset } from '../../src/data/definition.ts'
import { localOwner } from '../../src/kernel/actor.ts'
import { s3 } from '../../src/sources/definition.ts'
import { openTestContext, PROJECT_ID } from '../databases.ts'
import { ensureEnvironment } from './environments.ts'

const REAL = join(import.meta.dirname, '../../node_modules/vega-datasets/data')

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  return port
}

it('a dataset follows a prefix of a real S3-compatible server (moto): real weather and stocks', async () => {
  const python = await ensureEnvironment('s3', join(import.meta.dirname, 's3-requirements.txt'))
  const port = await freePort()
  const moto = spawn(python, ['-m', 'moto.server', '-H', '127.0.0.1', '-p', String(port)], {
    stdio: 'ignore',
  })
  process.env['AWS_ACCESS_KEY_ID'] = 'key'
  process.env['AWS_SECRET_ACCESS_KEY'] = 'secret'
  try {
    const endpoint = `http://127.0.0.1:${port}`
    for (let tries = 0; tries < 600 && !(await fetch(endpoint).catch(() => undefined)); tries++)
      await wait(100)
    const client = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true })
    const put = (Key: string, Body: Buffer | string) =>
      client.send(new PutObjectCommand({ Bucket: 'mill', Key, Body }))
    await client.send(new CreateBucketCommand({ Bucket: 'mill' }))
    await put('feed/weather one.csv', readFileSync(join(REAL, 'seattle-weather.csv')))
    await using opened = await openTestContext()
    const context = { ...opened, config: { ...opened.config, sourcePrivateAddresses: true } }
    const source = s3({ bucket: 'mill', prefix: 'feed/', endpoint, forcePathStyle: true })
    const caller = { projectId: PROJECT_ID, actor: localOwner }
    await declareDatasets(context, {
      ...caller,
      directory: '/nowhere',
      datasets: [dataset('weather', { source })],
    })
    const look = () => ingest(context, { ...caller, dataset: 'weather' })
    expect(await look()).toMatchObject({ state: 'created', version: { rows: 1461, parts: 1 } })
    expect(await look()).toMatchObject({ state: 'unchanged' })
    const [header, day] = readFileSync(join(REAL, 'seattle-weather.csv'), 'utf8').split('\n')
    await put('feed/next.csv', `${header}\n${day}\n`)
    expect(await look()).toMatchObject({ state: 'created', version: { number: 2, rows: 1462, parts: 2 } })
    await put('feed/stocks.csv', readFileSync(join(REAL, 'stocks.csv')))
    expect(await look()).toMatchObject({ state: 'rejected', version: { number: 2 } })
    await client.send(new DeleteObjectCommand({ Bucket: 'mill', Key: 'feed/next.csv' }))
    expect(await look()).toMatchObject({ state: 'created', version: { number: 3, rows: 1461 } })
  } finally {
    moto.kill()
  }
}, 300_000)
