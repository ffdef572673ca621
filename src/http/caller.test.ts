import { expect, test } from 'vitest'
import { challengeOf, checkOrigin, isSignInRequired, requireOwnPage } from './caller.ts'
import { readCredential } from './credentials.ts'

const laptop = { host: '127.0.0.1', publicUrl: undefined, signIn: 'auto' } as const
const proxied = { ...laptop, publicUrl: 'https://mill.example.org' } as const
const open = { ...laptop, host: '0.0.0.0' } as const
const nothing = { host: undefined, origin: undefined, fetchSite: undefined, method: 'GET' }

test('Sign-in is required beyond loopback, behind a proxy, and where the settings say so', () => {
  expect(isSignInRequired(laptop)).toBe(false)
  expect(isSignInRequired({ ...laptop, host: '127.8.0.1' })).toBe(false)
  expect([proxied, open, { ...laptop, signIn: 'required' } as const].map(isSignInRequired)).toEqual([
    true,
    true,
    true,
  ])
  expect(isSignInRequired({ ...laptop, host: '127.0.0.1.example.org' })).toBe(true)
})

test('A Host header that names another machine is refused, as a rebound name sends it', () => {
  const call = (host: string) => (): void => checkOrigin({ ...nothing, host }, laptop)
  for (const host of ['localhost:8433', 'LOCALHOST', '127.0.0.1:1', '[::1]:8433'])
    expect(call(host)).not.toThrow()
  for (const host of ['evil.example', 'localhost.evil.example', '127.0.0.1.evil.example:8433', '10.0.0.1'])
    expect(call(host)).toThrow('loopback only')
  expect(() => checkOrigin({ ...nothing, host: 'Mill.example.org' }, proxied)).not.toThrow()
  expect(() => checkOrigin({ ...nothing, host: 'evil.example' }, proxied)).toThrow('https://mill.example.org')
  expect(() => checkOrigin({ ...nothing, host: 'mill.local:8433' }, open)).not.toThrow()
})

test('A page of another origin changes nothing, whatever it calls itself', () => {
  const post = { ...nothing, method: 'POST', host: 'localhost:8433' }
  const call = (more: object) => (): void => checkOrigin({ ...post, ...more }, laptop)
  expect(call({})).not.toThrow()
  expect(call({ origin: 'http://localhost:8433', fetchSite: 'same-origin' })).not.toThrow()
  for (const origin of [
    'http://localhost:9999',
    'http://evil.example',
    'null',
    'http://localhost:8433.evil.example',
  ])
    expect(call({ origin })).toThrow('may not change')
  for (const fetchSite of ['cross-site', 'same-site']) expect(call({ fetchSite })).toThrow('may not change')
  expect(() =>
    checkOrigin(
      { ...post, host: 'internal:8433', origin: 'https://mill.example.org' },
      { ...proxied, host: '0.0.0.0' },
    ),
  ).not.toThrow()
})

test('A cookie alone changes nothing: the browser must say that an own page sends it', () => {
  expect(() => requireOwnPage({ ...nothing, method: 'POST' })).toThrow('a token instead')
  expect(() => requireOwnPage({ ...nothing, method: 'POST', fetchSite: 'same-origin' })).not.toThrow()
  expect(() => requireOwnPage({ ...nothing, method: 'GET' })).not.toThrow()
})

test('Programs are told of Basic, browsers are not', () => {
  expect(challengeOf({})).toContain('Basic')
  expect(challengeOf({ 'user-agent': 'python-requests/2.32' })).toContain('Basic')
  expect(challengeOf({ 'user-agent': 'Mozilla/5.0 (X11; Linux)' })).toBe('Bearer')
  expect(challengeOf({ 'sec-fetch-site': 'same-origin' })).toBe('Bearer')
})

test('A credential is a bearer token, a password or a token in Basic, else the cookie of a session', () => {
  const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`
  expect(readCredential('bearer tmt_x', 'tidemill_session=tms_y')).toEqual({ kind: 'token', token: 'tmt_x' })
  expect(readCredential(basic('ana:pass:word'), undefined)).toEqual({
    kind: 'password',
    name: 'ana',
    password: 'pass:word',
  })
  expect(readCredential(basic(':tmt_x'), undefined)).toEqual({ kind: 'token', token: 'tmt_x' })
  expect(readCredential(undefined, 'a=b; tidemill_session=tms_y; c=d')).toEqual({
    kind: 'session',
    secret: 'tms_y',
  })
  expect(readCredential(undefined, 'not_tidemill_session=tms_y')).toBeUndefined()
  for (const header of ['', 'Bearer', 'Bearer a b', basic('ana'), basic('ana:'), basic(':word'), 'Digest x'])
    expect(() => readCredential(header, undefined), header).toThrow('neither')
})
