import { randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { monotonicMs } from '../../shared/time.ts'
import { createFaults, type Faults, waitOut } from './faults.ts'

export interface MetadataRequest {
  readonly method: string
  /** `api/token`, or the path below `meta-data/`. */
  readonly path: string
  readonly status: number
}

/** The instance metadata service of EC2, version 2: nothing without a token, tokens that end, 404 for what is not. */
export interface MetadataServer {
  readonly endpoint: string
  /** `operation` is `Token` or `Get`, `key` the path. */
  readonly faults: Faults
  /** Every request that was answered, in order. */
  readonly requests: readonly MetadataRequest[]
  /** The text of a path below `meta-data/`; undefined takes it away. */
  set(path: string, text: string | undefined): void
  /** A Spot notice: EC2 takes the instance away in `seconds`. */
  reclaim(seconds: number, action?: string): void
  /** Every token that was given out is refused from now on. */
  forgetTokens(): void
  close(): Promise<void>
}

export interface MetadataServerOptions {
  /** Paths below `meta-data/` that are there from the start. */
  readonly paths?: Readonly<Record<string, string>>
  /** No token lives longer, in seconds, whatever was asked for. */
  readonly tokenSeconds?: number
}

const ttlHeader = 'x-aws-ec2-metadata-token-ttl-seconds'
const longestSeconds = 21_600

export async function startMetadataServer(options: MetadataServerOptions = {}): Promise<MetadataServer> {
  const paths = new Map(Object.entries(options.paths ?? {}))
  const tokens = new Map<string, number>()
  const requests: MetadataRequest[] = []
  const faults = createFaults()

  function answer(request: IncomingMessage, path: string): [status: number, text: string, seconds?: number] {
    // What came through a proxy is refused: so it cannot be reached from outside through one.
    if (request.headers['x-forwarded-for'] !== undefined) return [403, '']
    if (path === 'api/token') {
      const asked = Number(request.headers[ttlHeader])
      if (request.method !== 'PUT') return [405, '']
      if (!Number.isInteger(asked) || asked < 1 || asked > longestSeconds) return [400, '']
      const seconds = Math.min(asked, options.tokenSeconds ?? longestSeconds)
      const token = randomBytes(28).toString('base64url')
      tokens.set(token, monotonicMs() + seconds * 1000)
      return [200, token, seconds]
    }
    const token = String(request.headers['x-aws-ec2-metadata-token'] ?? '')
    if ((tokens.get(token) ?? 0) <= monotonicMs()) return [401, '']
    const text = paths.get(path)
    return text === undefined ? [404, 'not found'] : [200, text]
  }

  const server = createServer(async (request, response) => {
    const path = (request.url ?? '').replace(/^\/latest\/(meta-data\/)?/, '')
    const method = request.method ?? 'GET'
    const fault = faults.take({ method, operation: path === 'api/token' ? 'Token' : 'Get', key: path })
    if (fault) await waitOut(fault)
    if (fault?.reset) return request.socket.destroy()
    if (fault?.stall) return
    const [status, text, seconds] = fault?.status ? [fault.status, ''] : answer(request, path)
    requests.push({ method, path, status })
    response.writeHead(status, seconds === undefined ? {} : { [ttlHeader]: String(seconds) })
    response.end(text)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))

  const set = (path: string, text: string | undefined) => {
    if (text === undefined) paths.delete(path)
    else paths.set(path, text)
  }
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    ...{ faults, requests, set },
    reclaim(seconds, action = 'terminate') {
      const time = new Date(Date.now() + seconds * 1000).toISOString().replace(/\.\d+Z$/, 'Z')
      set('spot/instance-action', JSON.stringify({ action, time }))
    },
    forgetTokens: () => tokens.clear(),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
