import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Config } from '../../shared/config.ts'
import { WorkerError } from '../../shared/errors.ts'
import type { Metrics } from '../../shared/metrics.ts'
import { healthOf } from './health.ts'

export interface Readiness {
  readonly queue: boolean
  readonly bucket: boolean
  readonly redis: boolean
  readonly api: boolean
  /** The scratch disk has the reserve free; without it polling is held. */
  readonly scratch: boolean
}

/** What is shown of a worker: see worker.ts. */
export interface WorkerView {
  status(): {
    readonly state: string
    readonly apiAuthorized: boolean
    readonly scratchFree: boolean
    readonly bucketWritable: boolean
    readonly slots: readonly (
      | { readonly state: 'idle' }
      | { readonly state: 'busy'; readonly leaseSlackSeconds: number }
    )[]
  }
  sinceGoodPollMs(): number
}

/** What is shown of the machine: worker/notices/open.ts. */
export interface HostView {
  readonly protection: string
  readonly notice: { readonly source: string; readonly seconds: number } | null
}

export interface HttpServerInput {
  readonly config: Config['http']
  readonly worker: WorkerView
  readonly metrics: Metrics
  readonly version: string
  /** How tightly ffmpeg is held, as boot found it: shown as it is. */
  readonly sandbox: object
  /** The instance, its group, and who has told it to leave: shown as it is. */
  host(): HostView
  /** Asks the four services and the disk, from a cache of a few seconds. */
  readiness(): Promise<Readiness>
}

export interface HttpServer {
  readonly port: number
  close(): Promise<void>
}

/**
 * /healthz, /readyz, /metrics, /status: for supervisors, load balancers, Prometheus and people. Throws config_invalid
 * when it cannot listen where HTTP_HOST and HTTP_PORT say.
 */
export async function startHttpServer(input: HttpServerInput): Promise<HttpServer> {
  const { worker, metrics } = input

  const routes: Record<string, (response: ServerResponse) => Promise<void> | void> = {
    '/healthz': (response) => {
      const health = healthOf(worker)
      json(response, health.ok ? 200 : 503, health)
    },
    '/readyz': async (response) => {
      const { state, apiAuthorized, bucketWritable } = worker.status()
      const asked = await input.readiness()
      const services = { ...asked, bucket: asked.bucket && bucketWritable }
      const ready = state === 'running' && apiAuthorized && Object.values(services).every(Boolean)
      const notice = input.host().notice?.source ?? null
      json(response, ready ? 200 : 503, { ready, state, notice, ...services })
    },
    '/metrics': async (response) => {
      showSlots(worker, metrics)
      showHost(input.host(), metrics)
      response.writeHead(200, { 'content-type': metrics.registry.contentType })
      response.end(await metrics.registry.metrics())
    },
    '/status': (response) => {
      const { version, sandbox } = input
      json(response, 200, { version, sandbox, host: input.host(), ...worker.status() })
    },
  }

  const server = createServer((request, response) => {
    // Not by URL: it throws on request targets that anybody may send, like //.
    const path = (request.url ?? '/').split('?', 1)[0] ?? '/'
    const asked = request.method === 'GET' || request.method === 'HEAD'
    const route = asked && Object.hasOwn(routes, path) ? routes[path] : undefined
    if (!route) return json(response, 404, { error: 'not found', routes: Object.keys(routes) })
    Promise.resolve(route(response)).catch(() => {
      if (response.headersSent) response.destroy()
      else json(response, 500, { error: 'internal' })
    })
  })
  await new Promise<void>((resolve, reject) => {
    const { host, port } = input.config
    server.once('error', (error) => {
      const message = `HTTP_HOST ${host} and HTTP_PORT ${port} cannot be listened on: ${error.message}`
      reject(new WorkerError('config_invalid', message, { cause: error }))
    })
    server.listen(port, host, resolve)
  })
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** Gauges are read when they are asked for. */
function showSlots(worker: WorkerView, metrics: Metrics): void {
  const { slots } = worker.status()
  const slacks = slots.flatMap((slot) => (slot.state === 'busy' ? [slot.leaseSlackSeconds] : []))
  metrics.slots.set({ state: 'busy' }, slacks.length)
  metrics.slots.set({ state: 'idle' }, slots.length - slacks.length)
  if (slacks.length > 0) metrics.lease_slack_seconds.set(Math.min(...slacks))
  else metrics.lease_slack_seconds.remove()
}

function showHost({ notice, protection }: HostView, metrics: Metrics): void {
  if (notice) metrics.drain_left_seconds.set(notice.seconds)
  if (protection !== 'off') metrics.scale_in_protected.set(protection === 'protected' ? 1 : 0)
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(`${JSON.stringify(body)}\n`)
}
