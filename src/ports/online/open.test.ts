import { expect, it } from 'vitest'
import { loadConfig } from '../../kernel/config.ts'

const urlOf = (onlineUrl: string): string =>
  loadConfig('/nowhere', { TIDEMILL_ONLINE_URL: onlineUrl }).onlineUrl

it('takes SQLite, or the address of a Redis with a database and a prefix', () => {
  for (const url of ['sqlite', 'redis://cache', 'rediss://me:secret@cache:6380/3?prefix=staging:'])
    expect(urlOf(url)).toBe(url)
  expect(loadConfig('/nowhere', {}).onlineUrl).toBe('sqlite')
})

it.each([
  ['http://cache', 'It must be `sqlite` or `redis://host:6379/0`'],
  ['cache:6379', 'It must be `sqlite` or `redis://host:6379/0`'],
  ['redis://', 'It must be `sqlite` or `redis://host:6379/0`'],
  ['redis://cache/one', 'Its path must be the number of a Redis database'],
  ['redis://cache?prefx=a', 'It has ?prefx=; only ?prefix= is known'],
])('refuses %s and says what would be right', (url, message) => {
  expect(() => urlOf(url)).toThrow(message)
})
