import { DuckDBInstance } from '@duckdb/node-api'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { randomIds } from '../../kernel/ids.ts'
import { spillLimitMb } from '../../kernel/temporary-folder.ts'
import type { DuckDbOptions } from './process-messages.ts'

/**
 * A DuckDB in memory, without network access and without loading extensions: what is built in is Parquet, CSV and JSON. Times are in UTC
 * whatever the zone of the machine, so that the same SQL gives the same everywhere.
 */
export async function openInstance(
  options: Readonly<Record<string, string>>,
  {
    tempFolder = tmpdir(),
    maxSpillMb = spillLimitMb(),
  }: Pick<DuckDbOptions, 'tempFolder' | 'maxSpillMb'> = {},
): Promise<DuckDBInstance> {
  const instance = await DuckDBInstance.create(':memory:', {
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
    // What does not fit into memory; DuckDB makes the folder when it needs it, and takes it away.
    temp_directory: join(tempFolder, `tidemill-duckdb-${process.pid}-${randomIds.uuid()}`),
    ...options,
  })
  const connection = await instance.connect()
  await connection.run("SET GLOBAL TimeZone = 'UTC'")
  // Given with the options it is shown, and not kept.
  await connection.run(`SET GLOBAL max_temp_directory_size = '${maxSpillMb}MiB'`)
  connection.closeSync()
  return instance
}
