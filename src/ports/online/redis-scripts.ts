import type { Redis } from 'ioredis'

/**
 * What must happen at once in Redis. For a view `base` there are the hash `:rows` (key → "event created values"), the
 * sorted set `:times` (key by event time), the set `:pushed` of keys whose row came by itself, the same three with the
 * name of a stage behind, and the hash `:state` (holder, expires, staged, mark, mark_before).
 */
const SHARED = `
local base, state = KEYS[1], KEYS[1] .. ':state'
local function lost(holder)
  return redis.call('HGET', state, 'holder') ~= holder
end
local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function put(suffix, key, event, created, values, pushed, strict)
  local old = redis.call('HGET', base .. ':rows' .. suffix, key)
  if old then
    local old_event, old_created = string.match(old, '^(%S+) (%S+) ')
    local by_event = tonumber(event) - tonumber(old_event)
    local order = by_event == 0 and tonumber(created) - tonumber(old_created) or by_event
    if order < 0 or (strict and order == 0) then return end
  end
  redis.call('HSET', base .. ':rows' .. suffix, key, event .. ' ' .. created .. ' ' .. values)
  redis.call('ZADD', base .. ':times' .. suffix, event, key)
  redis.call(pushed and 'SADD' or 'SREM', base .. ':pushed' .. suffix, key)
end
local function unlink(suffix)
  redis.call('UNLINK', base .. ':rows' .. suffix, base .. ':times' .. suffix, base .. ':pushed' .. suffix)
end
local function forget_stage()
  local staged = redis.call('HGET', state, 'staged')
  if staged then unlink(':' .. staged) end
  redis.call('HDEL', state, 'staged')
end
`

const LOST = `if lost(ARGV[1]) then return redis.error_reply('LOST the claim') end`

const SCRIPTS = {
  onlinePush: `
    local staged = redis.call('HGET', state, 'staged')
    for i = 1, #ARGV, 4 do
      put('', ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], true, false)
      if staged then put(':' .. staged, ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], true, false) end
    end`,
  onlineWrite: `
    ${LOST}
    local suffix = ARGV[2] == '' and '' or ':' .. ARGV[2]
    for i = 3, #ARGV, 4 do put(suffix, ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], false, false) end`,
  onlineTake: `
    local expires = redis.call('HGET', state, 'expires')
    if redis.call('HEXISTS', state, 'holder') == 1 and tonumber(expires) > now() then return nil end
    forget_stage()
    redis.call('HSET', state, 'holder', ARGV[1], 'expires', now() + ARGV[2])
    return redis.call('HMGET', state, 'mark', 'mark_before')`,
  onlineExtend: `${LOST} redis.call('HSET', state, 'expires', now() + ARGV[2])`,
  onlineStage: `${LOST} redis.call('HSET', state, 'staged', ARGV[2])`,
  onlineCarry: `
    ${LOST}
    for i = 3, #ARGV do
      local row = redis.call('HGET', base .. ':rows', ARGV[i])
      if row then
        local event, created, values = string.match(row, '^(%S+) (%S+) (.*)$')
        put(':' .. ARGV[2], ARGV[i], event, created, values, true, true)
      end
    end`,
  onlineSwap: `
    ${LOST}
    unlink('')
    for _, part in ipairs({ ':rows', ':times', ':pushed' }) do
      local staged = base .. part .. ':' .. ARGV[2]
      if redis.call('EXISTS', staged) == 1 then redis.call('RENAME', staged, base .. part) end
    end
    redis.call('HDEL', state, 'staged')`,
  onlineFinish: `
    ${LOST}
    local before = redis.call('HGET', state, 'mark')
    if before then redis.call('HSET', state, 'mark_before', before) end
    redis.call('HSET', state, 'mark', ARGV[2])`,
  onlineRelease: `
    if lost(ARGV[1]) then return end
    forget_stage()
    redis.call('HDEL', state, 'holder', 'expires')`,
  onlineErase: `
    forget_stage()
    redis.call('HDEL', state, 'holder', 'expires')
    for i = 1, #ARGV do
      redis.call('HDEL', base .. ':rows', ARGV[i])
      redis.call('ZREM', base .. ':times', ARGV[i])
      redis.call('SREM', base .. ':pushed', ARGV[i])
    end`,
  onlineDrop: `forget_stage() unlink('') redis.call('UNLINK', state)`,
} as const

/** Calls of the scripts: the base of the view, then their arguments. */
export type OnlineScripts = Record<
  keyof typeof SCRIPTS,
  (base: string, ...args: (string | number)[]) => Promise<unknown>
>

/** Sent whole only where the server does not have them. */
export function defineScripts(redis: Redis): OnlineScripts {
  for (const [name, lua] of Object.entries(SCRIPTS)) {
    redis.defineCommand(name, { numberOfKeys: 1, lua: SHARED + lua })
  }
  return redis as unknown as OnlineScripts
}
