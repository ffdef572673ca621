/** Where a sign-in leads back to: a page of this server, whatever the address says. */
export function returnAddress({ href, origin }: { href: string; origin: string }): string {
  const wanted = new URL(href).searchParams.get('return') ?? '/'
  if (!URL.canParse(wanted, origin)) return '/'
  const url = new URL(wanted, origin)
  if (url.origin !== origin || url.pathname.startsWith('//')) return '/'
  return url.pathname + url.search + url.hash
}
