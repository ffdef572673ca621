import { DuckDBInstance } from '@duckdb/node-api'

/**
 * A DuckDB in memory, without network access and without loading extensions: what is built in is Parquet, CSV and JSON. Times are in UTC
 * whatever the zone of the machine, so that the same SQL gives the same everywhere.
 */
export async function openInstance(options: Readonly<Record<string, string>>): Promise<DuckDBInstance> {
  const instance = await DuckDBInstance.create(':memory:', {
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
    ...options,
  })
  const connection = await instance.connect()
  await connection.run("SET GLOBAL TimeZone = 'UTC'")
  connection.closeSync()
  return instance
}
