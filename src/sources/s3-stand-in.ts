import { createHash } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

/** Answers as S3 does (recorded from a compatible server) to listings, two objects a page, and to requests for objects. For tests. */
export class S3StandIn implements AsyncDisposable {
  readonly objects = new Map<string, Buffer>()
  /** Keys that were fetched. */
  readonly fetched: string[] = []
  /** Bytes after which answers are cut off. */
  cutAfter: number | undefined
  denies = false
  readonly #server: Server

  private constructor() {
    this.#server = createServer((request, response) => {
      const { pathname, searchParams } = new URL(request.url!, 'http://s3')
      const [, bucket, ...rest] = pathname.split('/')
      const key = decodeURIComponent(rest.join('/'))
      const wrong = (status: number, code: string): void => {
        response.writeHead(status, { 'content-type': 'application/xml' })
        response.end(`<?xml version="1.0"?><Error><Code>${code}</Code><Message>${code}</Message></Error>`)
      }
      if (this.denies) return wrong(403, 'InvalidAccessKeyId')
      if (bucket !== 'mill') return wrong(404, 'NoSuchBucket')
      if (searchParams.has('list-type')) {
        response.writeHead(200, { 'content-type': 'application/xml' })
        return void response.end(this.#listing(searchParams))
      }
      const body = this.objects.get(key)
      if (!body) return wrong(404, 'NoSuchKey')
      const etag = etagOf(body)
      if ((request.headers['if-match'] ?? etag) !== etag) return wrong(412, 'PreconditionFailed')
      this.fetched.push(key)
      response.writeHead(200, { etag, 'content-length': body.byteLength })
      if (this.cutAfter === undefined) return void response.end(body)
      response.write(body.subarray(0, this.cutAfter))
      setTimeout(() => response.destroy(), 20)
    })
  }

  static async open(): Promise<S3StandIn> {
    const standIn = new S3StandIn()
    await new Promise<void>((listening) => standIn.#server.listen(0, '127.0.0.1', listening))
    return standIn
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  #listing(query: URLSearchParams): string {
    const keys = [...this.objects.keys()].filter((key) => key.startsWith(query.get('prefix') ?? '')).sort()
    const from = Number(query.get('continuation-token') ?? 0)
    const page = keys.slice(from, from + 2)
    const more = from + 2 < keys.length
    const contents = page.map((key) => {
      const body = this.objects.get(key)!
      return `<Contents><Key>${key}</Key><LastModified>2024-01-01T00:00:00.000Z</LastModified><ETag>${etagOf(body).replaceAll('"', '&quot;')}</ETag><Size>${body.byteLength}</Size><StorageClass>STANDARD</StorageClass></Contents>`
    })
    return `<?xml version="1.0" encoding="utf-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><IsTruncated>${more}</IsTruncated>${contents.join('')}<Name>mill</Name><KeyCount>${page.length}</KeyCount>${more ? `<NextContinuationToken>${from + 2}</NextContinuationToken>` : ''}</ListBucketResult>`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((done) => this.#server.close(done))
  }
}

function etagOf(body: Buffer): string {
  return `"${createHash('md5').update(body).digest('hex')}"`
}
