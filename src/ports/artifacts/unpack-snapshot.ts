import { chmod, mkdir, rename, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Config } from '../../kernel/config.ts'
import { randomIds } from '../../kernel/ids.ts'
import type { Artifacts } from './artifacts.ts'
import { parseSnapshot } from './code-snapshot.ts'

/**
 * The folder `<dataDir>/code/<hash>` with the snapshot's files; made when it is missing. `dependencies` is the
 * project's `node_modules`, which is linked into it, as is a `.venv` beside it.
 */
export async function unpackSnapshot(
  { artifacts, config }: { artifacts: Pick<Artifacts, 'bytes'>; config: Pick<Config, 'dataDir'> },
  { hash, dependencies }: { hash: string; dependencies: string | undefined },
): Promise<string> {
  const folder = join(config.dataDir, 'code', hash)
  if (await exists(folder)) return folder
  const snapshot = parseSnapshot(JSON.parse(Buffer.from(await artifacts.bytes(hash)).toString('utf8')))
  // A name of its own for each unpacking: several runs of one process may unpack the same snapshot at once.
  const temporary = `${folder}.${randomIds.hex32()}.tmp`
  for (const [path, file] of Object.entries(snapshot.files)) {
    const target = join(temporary, path)
    await mkdir(dirname(target), { recursive: true })
    await writeFile(target, Buffer.from(file.base64, 'base64'))
    await chmod(target, file.executable ? 0o555 : 0o444)
  }
  await mkdir(temporary, { recursive: true })
  if (dependencies !== undefined) {
    await symlink(dependencies, join(temporary, 'node_modules'))
    const python = join(dirname(dependencies), '.venv')
    if (await exists(python)) await symlink(python, join(temporary, '.venv'))
  }
  await rename(temporary, folder).catch(async (error: unknown) => {
    await rm(temporary, { recursive: true, force: true })
    if (!(await exists(folder))) throw error
  })
  return folder
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}
