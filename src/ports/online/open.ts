import { join } from 'node:path'
import type { Config } from '../../kernel/config.ts'
import { openOnlineSqlite } from './sqlite.ts'
import type { OnlineStore } from './online.ts'

const DEFAULT_PREFIX = 'tidemill:'

/** The online store that the settings name. The client of Redis is loaded only where it is used. */
export async function openOnline({
  onlineUrl,
  dataDir,
}: Pick<Config, 'onlineUrl' | 'dataDir'>): Promise<OnlineStore> {
  if (onlineUrl === 'sqlite') return openOnlineSqlite(join(dataDir, 'online.db'))
  const url = new URL(onlineUrl)
  const prefix = url.searchParams.get('prefix') ?? DEFAULT_PREFIX
  url.search = ''
  const { openOnlineRedis } = await import('./redis.ts')
  return await openOnlineRedis({ url: url.href, prefix })
}
