import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { createApp } from '../../src/http/app.ts'
import { localOwner } from '../../src/kernel/actor.ts'
import { routes } from '../../src/exploring/routes.ts'
import { openTestContext, PROJECT_ID } from '../databases.ts'
import { flights, RealDatasets } from '../real-datasets.ts'
import { ensureEnvironment } from './environments.ts'

/** What pyarrow reads of a file or a stream, and of the Parquet file of the same version. */
const READ = `
import json, sys
import pyarrow as pa, pyarrow.compute as pc, pyarrow.parquet as pq
kind, path, parquet = sys.argv[1:]
with pa.memory_map(path) as source:
    reader = (pa.ipc.open_file if kind == 'arrow' else pa.ipc.open_stream)(source)
    table = reader.read_all()
    table.validate(full=True)
    same = pq.read_table(parquet).cast(table.schema)
    print(json.dumps({
        'schema': {field.name: str(field.type) for field in table.schema},
        'rows': table.num_rows,
        'equal': table.equals(same),
        'delay': pc.sum(table['delay']).as_py(),
    }))
`

it('pyarrow reads exported rows, as a file and as a stream, as it reads them from Parquet', async () => {
  // Feast brings pyarrow.
  const python = await ensureEnvironment('feast', join(import.meta.dirname, 'feast/requirements.txt'))
  await using context = await openTestContext()
  using real = new RealDatasets(context)
  await real.declare(flights)
  await real.writeFlights('flights-1.parquet', "date >= '2001-01-01' AND date < '2001-01-08'")
  const version = await real.ingest('flights')
  const app = createApp({
    context,
    routes,
    authenticate: async () => localOwner,
    resolveProject: async () => PROJECT_ID,
  })
  const fetched = async (format: string): Promise<string> => {
    const response = await app.request(`/api/v1/datasets/flights/versions/1/export?format=${format}`)
    expect(response.status).toBe(200)
    const path = join(real.folder, `fetched.${format}`)
    writeFileSync(path, Buffer.from(await response.arrayBuffer()))
    return path
  }
  const parquet = await fetched('parquet')
  for (const kind of ['arrow', 'arrows']) {
    const { stdout } = await promisify(execFile)(python, ['-c', READ, kind, await fetched(kind), parquet])
    const [exact] = await context.analytics.query(`SELECT sum(delay)::BIGINT AS delay FROM '${parquet}'`)
    expect(JSON.parse(stdout)).toMatchObject({
      schema: { date: 'timestamp[us]', delay: 'int64', origin: 'string' },
      rows: version.rows,
      equal: true,
      delay: exact!['delay'],
    })
  }
})
