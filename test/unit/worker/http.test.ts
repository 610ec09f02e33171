import { connect, createServer } from 'node:net'
import { afterEach, describe, expect, test } from '@jest/globals'
import { createMetrics } from '../../../shared/metrics.ts'
import { type HttpServer, startHttpServer } from '../../../worker/server/http.ts'

const status = { state: 'running', apiAuthorized: true, scratchFree: true, bucketWritable: true, slots: [] }
const calm = { protection: 'off', notice: null }
let host: { protection: string; notice: { source: string; seconds: number } | null } = calm
const servers: HttpServer[] = []
afterEach(async () => {
  host = calm
  for (const server of servers.splice(0)) await server.close()
})

async function start(more: Partial<typeof status> = {}, sinceGoodPollMs = 0, port = 0): Promise<HttpServer> {
  const server = await startHttpServer({
    config: { host: '127.0.0.1', port },
    worker: { status: () => ({ ...status, ...more }), sinceGoodPollMs: () => sinceGoodPollMs },
    ...{ metrics: createMetrics(), version: '0', sandbox: { level: 'full' } },
    host: () => host,
    readiness: async () => ({ queue: true, bucket: true, redis: true, api: true, scratch: true }),
  })
  servers.push(server)
  return server
}

/** The first line of the answer to a request line that fetch would not send. */
function raw(port: number, target: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', reject)
    socket.on('data', (data) => {
      socket.destroy()
      resolve(data.toString().split('\r\n')[0]!)
    })
    socket.write(`GET ${target} HTTP/1.1\r\nhost: worker\r\nconnection: close\r\n\r\n`)
  })
}
const health = async (server: HttpServer) => (await fetch(`http://127.0.0.1:${server.port}/healthz`)).status

describe('the worker’s pages', () => {
  test.each(['//', 'http://[', '/constructor', '*'])('do not mind a request for %s', async (target) => {
    const { port } = await start()
    expect(await raw(port, target)).toBe('HTTP/1.1 404 Not Found')
    expect(await raw(port, '/healthz?probe=1')).toBe('HTTP/1.1 200 OK')
  })

  test('say where they cannot listen, as a wrong configuration', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => taken.once('listening', resolve))
    const { port } = taken.address() as { port: number }
    await expect(start({}, 0, port)).rejects.toMatchObject({
      code: 'config_invalid',
      message: expect.stringContaining(`HTTP_PORT ${port}`),
    })
    await new Promise((resolve) => taken.close(resolve))
  })
})

describe('a worker that was told to leave', () => {
  const page = async (server: HttpServer, path: string) =>
    (await fetch(`http://127.0.0.1:${server.port}${path}`)).text()

  test('shows by whom and how long it has', async () => {
    const server = await start()
    expect(JSON.parse(await page(server, '/readyz'))).toMatchObject({ ready: true, notice: null })
    expect(await page(server, '/metrics')).not.toMatch(/drain_left_seconds \d|scale_in_protected \d/)
    host = { protection: 'protected', notice: { source: 'spot', seconds: 42 } }
    expect(JSON.parse(await page(server, '/readyz'))).toMatchObject({ notice: 'spot' })
    expect(JSON.parse(await page(server, '/status'))).toMatchObject({ host })
    const metrics = await page(server, '/metrics')
    expect(metrics).toContain('video_worker_drain_left_seconds 42')
    expect(metrics).toContain('video_worker_scale_in_protected 1')
  })
})

describe('a worker whose queue has been silent for long', () => {
  const long = 3600_000

  test('is not well', async () => {
    expect(await health(await start({}, long))).toBe(503)
  })

  test.each([
    { apiAuthorized: false },
    { scratchFree: false },
    { bucketWritable: false },
    { state: 'draining' },
    { state: 'starting' },
  ])('is well when that is on purpose: %j', async (held) => {
    expect(await health(await start(held, long))).toBe(200)
  })
})
