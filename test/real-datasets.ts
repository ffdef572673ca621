import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { declareDatasets } from '../src/data/data.ts'
import { ingest } from '../src/ingest/ingest.ts'
import { routes as exploringRoutes } from '../src/exploring/routes.ts'
import { routes as ingestRoutes } from '../src/ingest/routes.ts'
import { routes as pushRoutes } from '../src/pushes/routes.ts'
import { routes as reportRoutes } from '../src/reports/routes.ts'
import { dataset, type DatasetDefinition } from '../src/data/definition.ts'
import type { DatasetVersion } from '../src/data/schema.ts'
import { localOwner } from '../src/kernel/actor.ts'
import { quoteLiteral } from '../src/ports/analytics/analytics.ts'
import { files } from '../src/sources/definition.ts'
import { PROJECT_ID, type TestContext } from './databases.ts'

/** Every route under `/datasets` and `/validation-reports`. */
export const datasetRoutes = [...exploringRoutes, ...reportRoutes, ...pushRoutes, ...ingestRoutes]

/** A file of the npm package vega-datasets. */
export function vegaFile(name: string): string {
  return fileURLToPath(new URL(`../node_modules/vega-datasets/data/${name}`, import.meta.url))
}

/** Datasets whose files are cut from vega-datasets; the folder goes with it. */
export class RealDatasets implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'tidemill-real-'))
  readonly #context: TestContext

  constructor(context: TestContext) {
    this.#context = context
  }

  async declare(...datasets: DatasetDefinition[]): Promise<void> {
    const input = { projectId: PROJECT_ID, actor: localOwner, directory: this.folder, datasets }
    await declareDatasets(this.#context, input)
  }

  /** The flights of some days of 2001, each `every`-th, as one Parquet file of the dataset `flights`. */
  async writeFlights(name: string, where: string, every = 1): Promise<void> {
    const source = quoteLiteral(vegaFile('flights-3m.parquet'))
    await using session = await this.#context.analytics.session({ threads: 1 })
    await session.execute(
      `COPY (SELECT date, delay, distance, origin, destination FROM (
         SELECT *, row_number() OVER (ORDER BY date, origin, destination, delay, distance) AS place
         FROM read_parquet(${source}) WHERE ${where}) WHERE place % ${every} = 0 ORDER BY place)
       TO ${quoteLiteral(join(this.folder, name))} (FORMAT parquet)`,
    )
  }

  copy(name: string, as = name): void {
    copyFileSync(vegaFile(name), join(this.folder, as))
  }

  async ingest(name: string): Promise<DatasetVersion> {
    const input = { projectId: PROJECT_ID, actor: localOwner, dataset: name }
    const result = await ingest(this.#context, input)
    if (result.state !== 'created')
      throw new Error(`expected a version of ${name}, got ${JSON.stringify(result)}`)
    return result.version
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true })
  }
}

export const flights = dataset('flights', { source: files('flights-*.parquet'), time: 'date' })
export const penguins = dataset('penguins', { source: files('penguins.json') })
