import { expect, test } from 'vitest'
import { returnAddress } from '../ui/src/people/return-address.ts'

test('A sign-in leads back to a page of this server, and nowhere else', () => {
  const origin = 'https://mill.example.org'
  const back = (wanted: string): string =>
    returnAddress({ origin, href: `${origin}/sign-in?return=${encodeURIComponent(wanted)}` })
  expect(back('/p/fraud/runs?x=1#y')).toBe('/p/fraud/runs?x=1#y')
  for (const elsewhere of [
    'https://evil.example/',
    '//evil.example/',
    String.raw`/\evil.example`,
    String.raw`\\evil.example`,
    'javascript:alert(1)',
    'http://mill.example.org/',
    '/x/..//evil.example',
    'https://mill.example.org.evil.example/',
  ])
    expect(back(elsewhere), elsewhere).toBe('/')
  expect(returnAddress({ origin, href: `${origin}/sign-in` })).toBe('/')
})
