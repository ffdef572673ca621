import { lookup as resolve, type LookupAddress } from 'node:dns'
import { BlockList, isIP, type LookupFunction } from 'node:net'
import { AppError } from '../kernel/errors.ts'

/** Addresses that are not of the public Internet (IANA's registries of special-purpose addresses), among them those of metadata services of clouds. */
const NOT_PUBLIC = blockList([
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
  // Loopback, unspecified and the deprecated forms that hold an IPv4 address.
  ['::', 96],
  // Translations and tunnels, behind which any IPv4 address may stand.
  ['64:ff9b::', 96],
  ['64:ff9b:1::', 48],
  ['2001::', 32],
  ['2002::', 16],
  ['100::', 64],
  ['2001:db8::', 32],
  ['fc00::', 7],
  ['fe80::', 10],
  ['fec0::', 10],
  ['ff00::', 8],
])

function blockList(ranges: readonly (readonly [address: string, prefix: number])[]): BlockList {
  const list = new BlockList()
  for (const [address, prefix] of ranges)
    list.addSubnet(address, prefix, address.includes(':') ? 'ipv6' : 'ipv4')
  return list
}

/** True for an address that belongs to the public Internet; an IPv4 address that is written as IPv6 counts as what it is. */
export function isPublicAddress(address: string): boolean {
  const family = isIP(address)
  if (family === 0) return false
  return !NOT_PUBLIC.check(address, family === 4 ? 'ipv4' : 'ipv6')
}

/** Throws `invalid` unless the URL is http or https, and names no address that is not public. Names are looked up when a connection is made. */
export function requirePublicUrl(url: string, { allowPrivate }: { allowPrivate: boolean }): URL {
  const parsed = URL.parse(url)
  if (!parsed || !['http:', 'https:'].includes(parsed.protocol))
    throw new AppError('invalid', `${url} is no http or https address`)
  if (parsed.username !== '' || parsed.password !== '')
    throw new AppError(
      'invalid',
      'An address may not hold a user name or a password: they would be stored readable',
    )
  const host = hostOf(parsed)
  if (!allowPrivate && (isIP(host) !== 0 ? !isPublicAddress(host) : /(^|\.)localhost\.?$/.test(host)))
    throw refused(host)
  return parsed
}

/** The name or address, without the brackets of IPv6. */
function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '')
}

/**
 * For the option `lookup` of a connection: resolves a name once, and refuses it when any of its addresses is not public. The connection goes to the
 * address that was looked at, so that a name can't mean something else a moment later.
 */
export const lookupPublic: LookupFunction = (hostname, options, callback) => {
  resolve(hostname, { ...options, all: true }, (error, addresses: LookupAddress[]) => {
    if (error) return callback(error, '', 0)
    const first = addresses[0]
    if (!first || addresses.some(({ address }) => !isPublicAddress(address)))
      return callback(refused(hostname), '', 0)
    return options.all ? callback(null, addresses) : callback(null, first.address, first.family)
  })
}

function refused(host: string): AppError {
  return new AppError(
    'invalid',
    `${host} is no public address: requests to private, loopback and link-local addresses are refused unless the settings allow them`,
    { details: { host } },
  )
}
