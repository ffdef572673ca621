import { expect, test } from 'vitest'
import { isPublicAddress, lookupPublic, requirePublicUrl } from './public-address.ts'

test('only addresses of the public Internet are public, however they are written', () => {
  const publicOnes = ['8.8.8.8', '1.1.1.1', '172.32.0.1', '2606:4700:4700::1111', '::ffff:8.8.8.8']
  expect(publicOnes.filter((address) => !isPublicAddress(address))).toEqual([])
  const others =
    `0.0.0.0 10.0.0.1 100.64.0.1 127.0.0.1 127.255.255.254 169.254.169.254 172.16.0.1 172.31.255.255 192.168.1.1 198.18.0.1 224.0.0.1
    255.255.255.255 :: ::1 ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:a00:1 fe80::1 fc00::1 fd00:ec2::254 64:ff9b::7f00:1 2002:7f00:1:: 2001:0:1:: ff02::1
    no-address`.split(/\s+/)
  expect(others.filter(isPublicAddress)).toEqual([])
})

test('a name that means an address of this machine is refused when it is looked up', async () => {
  const error = await new Promise((resolve) => lookupPublic('localhost', { all: true }, resolve))
  expect(error).toMatchObject({
    code: 'invalid',
    message: expect.stringContaining('localhost is no public address'),
  })
})

test('other schemes, passwords and private addresses in a URL are refused', () => {
  const wrong = [
    'ftp://example.com',
    'javascript:1',
    'http://u:p@example.com',
    'http://2130706433/',
    'http://017700000001/',
    'https://sub.localhost./',
    '',
  ]
  for (const url of wrong) expect(() => requirePublicUrl(url, { allowPrivate: false }), url).toThrow()
  expect(requirePublicUrl('https://example.com/x', { allowPrivate: false }).hostname).toBe('example.com')
  expect(requirePublicUrl('http://127.0.0.1:9/', { allowPrivate: true }).port).toBe('9')
})
