import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { createFaults, type Fault, type Faults, waitOut } from '../faults.ts'
import { type Bucket, dispatch } from './dispatch.ts'
import { codeForStatus, errorBody, S3Error } from './errors.ts'
import { UploadTable } from './multipart.ts'
import { ObjectTable, type StoredEntry } from './objects.ts'
import { dropReply, type Reply, sendReply } from './reply.ts'
import { parseRequest, type S3Request } from './request.ts'
import { checkSignature, presign } from './signature.ts'

export interface S3Options {
  /** Where the files go; made when missing, left in place at the end. */
  readonly dir: string
  readonly bucket?: string
  readonly accessKey?: string
  readonly secretKey?: string
  /** Keys that may be read without a signature, as through a public address of the bucket. */
  readonly publicRead?: (key: string) => boolean
  readonly onObjectCreated?: (event: ObjectCreated) => void
  readonly signal?: AbortSignal
}

export interface ObjectCreated {
  readonly bucket: string
  readonly key: string
  readonly bytes: number
  readonly etag: string
}

/** One line of the log of requests: what a test counts. */
export interface S3LogEntry {
  readonly method: string
  readonly operation: string
  readonly key: string
  readonly range: string | undefined
  /** 0 while it is under way, or when the connection was cut. */
  status: number
  bytesSent: number
}

export interface S3Server {
  readonly endpoint: string
  readonly port: number
  readonly bucket: string
  readonly bucketDir: string
  readonly accessKey: string
  readonly secretKey: string
  readonly faults: Faults
  readonly requests: S3LogEntry[]
  /** All keys under a prefix, in order, without a request. */
  keys(prefix?: string): string[]
  presign(
    key: string,
    options: { expiresSeconds: number; method?: 'GET' | 'PUT' | 'HEAD'; at?: Date },
  ): string
  close(): Promise<void>
}

/** Starts a streaming S3 server on a free loopback port. See docs in the conformance suite for what it does. */
export async function startS3(options: S3Options): Promise<S3Server> {
  const {
    dir,
    accessKey = 'local-access',
    secretKey = 'local-secret',
    bucket: name = 'academy-video',
  } = options
  const objects = new ObjectTable(join(dir, name), join(dir, '.incoming'))
  const bucket: Bucket = { name, objects, uploads: new UploadTable() }
  const faults = createFaults()
  const requests: S3LogEntry[] = []
  const created = (entry: StoredEntry) =>
    options.onObjectCreated?.({ bucket: name, key: entry.key, bytes: entry.bytes, etag: entry.etag })

  const answer = async (request: S3Request): Promise<Reply> => {
    if (request.operation === 'Preflight') return { status: 204 }
    const isRead = request.operation === 'GetObject' || request.operation === 'HeadObject'
    const signed = checkSignature({ ...request, headers: request.http.headers }, { accessKey, secretKey })
    if (signed === 'anonymous' && !(isRead && options.publicRead?.(request.key)))
      throw new S3Error('AccessDenied', 'Access Denied')
    return dispatch(bucket, request, faults, created)
  }

  const server = createServer((http, response) => {
    void serve(http, response, answer, faults, requests)
  })
  // Above the idle time of any client's kept connections: else a reused one is reset now and then.
  server.keepAliveTimeout = 120_000
  server.requestTimeout = 0
  await listen(server)
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  options.signal?.addEventListener('abort', () => void close(), { once: true })
  const { port } = server.address() as AddressInfo
  const endpoint = `http://127.0.0.1:${port}`
  return {
    endpoint,
    port,
    bucket: name,
    bucketDir: objects.dir,
    accessKey,
    secretKey,
    faults,
    requests,
    keys: (prefix = '') => [...objects.list(prefix, '')].map((entry) => entry.key),
    presign: (key, how) => presign(endpoint, name, key, { accessKey, secretKey, ...how }),
    close,
  }
}

/** One request from arrival to its last byte, faults included; never rejects. */
async function serve(
  http: IncomingMessage,
  response: ServerResponse,
  answer: (request: S3Request) => Promise<Reply>,
  faults: Faults,
  requests: S3LogEntry[],
): Promise<void> {
  const requestId = randomUUID()
  response.setHeader('x-amz-request-id', requestId)
  setCors(http, response)
  let log: S3LogEntry | undefined
  try {
    const request = parseRequest(http)
    const { method, operation, key } = request
    log = { method, operation, key, range: http.headers.range, status: 0, bytesSent: 0 }
    requests.push(log)
    const fault = faults.take({ method, operation, key })
    if (fault) await waitOut(fault)
    const ends = fault?.status !== undefined || fault?.reset || fault?.stall
    if (!fault || !ends) {
      await send(await answer(request), fault?.flip === undefined ? undefined : fault)
    } else if (fault.afterBytes !== undefined && method === 'PUT') {
      for await (const _ of firstBytes(http, fault.afterBytes));
      if (fault.reset) http.socket.destroy()
    } else if (fault.afterBytes !== undefined) {
      await send(await answer(request), fault)
    } else {
      if (fault.when === 'after') dropReply(await answer(request))
      if (fault.reset) http.socket.destroy()
      else if (!fault.stall) await send(injected(fault, key, requestId))
    }
  } catch (error) {
    if (response.headersSent || http.socket.destroyed) {
      http.socket.destroy()
      return
    }
    // The cause of a 500 that is a fault of this server itself belongs before the eyes of whoever tests.
    if (!(error instanceof S3Error)) console.error('s3 server:', error)
    await send(refused(error, http.url ?? '/', requestId)).catch(() => http.socket.destroy())
  }

  async function send(reply: Reply, fault?: Fault): Promise<void> {
    if (log) log.status = reply.status
    const sent = await sendReply(response, reply, http.method === 'HEAD', fault)
    if (log) log.bytesSent = sent
  }
}

/** The body of a request up to about so many bytes: the rest stays where it is. */
async function* firstBytes(http: IncomingMessage, bytes: number): AsyncGenerator<Buffer> {
  let left = bytes
  const body = http.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>
  for await (const chunk of body) {
    yield chunk
    left -= chunk.length
    if (left <= 0) return
  }
}

function refused(error: unknown, resource: string, requestId: string): Reply {
  const known = error instanceof S3Error ? error : undefined
  const code = known?.code ?? 'InternalError'
  const body = errorBody(code, known?.message ?? 'Internal error', resource, requestId)
  return {
    status: known?.status ?? 500,
    headers: { 'Content-Type': 'application/xml', ...known?.headers },
    body,
  }
}

function injected(fault: Fault, key: string, requestId: string): Reply {
  const status = fault.status ?? 500
  const body = errorBody(fault.code ?? codeForStatus(status), 'Injected fault', key, requestId)
  return { status, headers: { 'Content-Type': 'application/xml' }, body }
}

/** Any page may read: the player of the local stack is served from another port. */
function setCors(http: IncomingMessage, response: ServerResponse): void {
  if (http.headers.origin === undefined) return
  response.setHeader('Access-Control-Allow-Origin', '*')
  response.setHeader('Access-Control-Expose-Headers', 'Content-Length, Content-Range, ETag')
  response.setHeader('Access-Control-Allow-Methods', 'GET, HEAD, PUT, POST, DELETE')
  response.setHeader('Access-Control-Allow-Headers', http.headers['access-control-request-headers'] ?? '*')
  response.setHeader('Access-Control-Max-Age', '3600')
}

function listen(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    // Loopback only: the stack holds no secrets, but it is nobody else's business either.
    server.listen(0, '127.0.0.1', () => resolve())
  })
}
