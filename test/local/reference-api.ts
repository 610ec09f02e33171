import { EventEmitter } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Redis } from 'ioredis'
import { monotonicMs } from '../../shared/time.ts'
import { createFaults, type Faults, waitOut } from './faults.ts'
import { countBacklog, isSigned, keyAnswer, readRequest, send, sendKey } from './reference-http.ts'
import { type ApiCallAnswer, type ApiCallRequest, findRoute, type Route } from './reference-routes.ts'
import { ReferenceRows } from './reference-rows.ts'

export interface ApiCall {
  readonly name: string
  readonly videoId: number | undefined
  /** From the body, else from the idempotency key. */
  readonly jobId: string
  readonly workerId: string
  readonly idempotencyKey: string
  readonly body: Readonly<Record<string, unknown>>
  readonly status: number
  /** `ok`, `idempotent`, or undefined. */
  readonly reason: string | undefined
  /** When it was answered, on the monotonic clock. */
  readonly atMs: number
}

export interface ReferenceApiOptions {
  /** '' behaves like a product without one: 503 to every worker. */
  readonly token: string
  readonly internalKey?: string
  readonly catalogToken?: string
  /** Where backlog-count is summed up. */
  readonly redis?: { readonly host: string; readonly port: number; readonly password?: string }
  /** A file for the rows; in memory when left out. */
  readonly database?: string
  readonly signal?: AbortSignal
}

export interface ReferenceApi {
  readonly baseUrl: string
  readonly port: number
  readonly rows: ReferenceRows
  /** Every call that was answered, in order. */
  readonly calls: ApiCall[]
  /** `operation` is the call's name (`complete`), `key` its path. */
  readonly faults: Faults
  /** Changes the token that workers must send. */
  setToken(token: string): void
  /** The first call, past or future, that `matches` wants. */
  waitForCall(matches: (call: ApiCall) => boolean, options: { signal: AbortSignal }): Promise<ApiCall>
  close(): Promise<void>
}

/** The product's and the catalogue's internal endpoints (contract.md sections 4 and 5) with rows in SQLite. */
export async function startReferenceApi(options: ReferenceApiOptions): Promise<ReferenceApi> {
  const { internalKey = 'local-internal-key', catalogToken = 'local-catalog-token' } = options
  const rows = new ReferenceRows(options.database)
  const faults = createFaults()
  const calls: ApiCall[] = []
  const events = new EventEmitter().setMaxListeners(0)
  const redis = options.redis
    ? new Redis({ ...options.redis, lazyConnect: true, maxRetriesPerRequest: 1, enableOfflineQueue: true })
    : undefined
  redis?.on('error', () => {})
  let token = options.token

  function refuse(route: Route, { headers, text }: ApiCallRequest): ApiCallAnswer | undefined {
    const secrets = { worker: token, internal: internalKey, catalogue: catalogToken }
    const names = { worker: 'x-worker-token', internal: 'x-internal-key', catalogue: 'x-internal-token' }
    if (route.guard === 'worker' && token === '')
      return { status: 503, body: { detail: 'no token configured' } }
    if (headers[names[route.guard]] !== secrets[route.guard])
      return { status: route.guard === 'internal' ? 403 : 401, body: { detail: 'wrong token' } }
    const signature = headers['x-worker-signature']
    if (signature !== undefined && !isSigned(signature, text, secrets[route.guard]))
      return { status: 401, body: { detail: 'wrong signature' } }
    return undefined
  }

  async function serve(http: IncomingMessage, response: ServerResponse): Promise<void> {
    const request = await readRequest(http)
    const key = request.method === 'GET' ? keyAnswer(request.path, rows) : undefined
    if (key) return sendKey(response, key)
    const route = findRoute(request, rows, () => countBacklog(redis))
    const target = { method: request.method, operation: route?.name ?? 'unknown', key: request.path }
    const fault = faults.take(target)
    if (fault) await waitOut(fault)
    const ends = fault?.status !== undefined || fault?.reset || fault?.stall
    if (!fault || !ends || fault.when === 'after') {
      const answer = await run(route, request)
      if (!ends) return send(response, answer)
    }
    if (fault?.reset) http.socket.destroy()
    else if (!fault?.stall)
      send(response, { status: fault?.status ?? 500, body: { detail: 'Injected fault' } })
  }

  async function run(route: Route | undefined, request: ApiCallRequest): Promise<ApiCallAnswer> {
    if (!route) return { status: 404, body: { detail: 'no such endpoint' } }
    const answer = refuse(route, request) ?? (await route.run())
    const idempotencyKey = request.headers['idempotency-key'] ?? ''
    const call: ApiCall = {
      name: route.name,
      videoId: route.videoId,
      jobId: String(request.json?.job_id ?? idempotencyKey.split(':')[0]),
      workerId: request.headers['x-worker-id'] ?? '',
      idempotencyKey,
      body: request.json ?? {},
      status: answer.status,
      reason: answer.body.reason === undefined ? undefined : String(answer.body.reason),
      atMs: monotonicMs(),
    }
    calls.push(call)
    events.emit('call', call)
    return answer
  }

  const server = createServer((http, response) => {
    serve(http, response).catch((error: unknown) => {
      if (!http.socket.destroyed) send(response, { status: 500, body: { detail: String(error) } })
    })
  })
  server.keepAliveTimeout = 120_000
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => resolve())
  })
  let closing: Promise<void> | undefined
  const close = () => {
    closing ??= new Promise((resolve) => {
      redis?.disconnect()
      server.close(() => {
        rows.close()
        resolve()
      })
      server.closeAllConnections()
    })
    return closing
  }
  options.signal?.addEventListener('abort', () => void close(), { once: true })
  const { port } = server.address() as AddressInfo
  return {
    baseUrl: `http://127.0.0.1:${port}`,
    port,
    rows,
    calls,
    faults,
    setToken(changed) {
      token = changed
    },
    waitForCall(matches, { signal }) {
      return new Promise((resolve, reject) => {
        const found = calls.find(matches)
        if (found) return resolve(found)
        const hear = (call: ApiCall) => {
          if (!matches(call)) return
          stop()
          resolve(call)
        }
        const give = () => {
          stop()
          reject(signal.reason)
        }
        const stop = () => {
          events.off('call', hear)
          signal.removeEventListener('abort', give)
        }
        if (signal.aborted) return give()
        events.on('call', hear)
        signal.addEventListener('abort', give, { once: true })
      })
    },
    close,
  }
}
