import { readFile } from 'node:fs/promises'
import { extname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../../ui/dist', import.meta.url))

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.json': 'application/json',
}

/** The built web UI. A path that is no file is a page of the UI, which routes by itself. */
export async function serveUi(path: string): Promise<Response> {
  const file = normalize(path).replace(/^(\.\.(\/|$))+/, '')
  const type = TYPES[extname(file)]
  const found =
    type && file !== '/index.html' ? await readFile(join(ROOT, file)).catch(() => undefined) : undefined
  if (found) {
    const hashed = file.startsWith('/assets/')
    return page(found, type!, hashed ? 'public, max-age=31536000, immutable' : 'no-cache')
  }
  if (type && type !== TYPES['.html']) return new Response('Not found', { status: 404 })
  const index = await readFile(join(ROOT, 'index.html')).catch(() => undefined)
  if (index) return page(index, TYPES['.html']!, 'no-cache')
  return new Response('The web UI is not built: run `npm run build:ui`.', { status: 404 })
}

/** No page of another site may hold this one in a frame and have it clicked: on a laptop nobody has to sign in. */
const POLICY =
  "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'"

function page(body: Uint8Array, type: string, cache: string): Response {
  return new Response(new Uint8Array(body), {
    headers: {
      'content-type': type,
      'cache-control': cache,
      'content-security-policy': POLICY,
      'x-frame-options': 'SAMEORIGIN',
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'same-origin',
    },
  })
}
