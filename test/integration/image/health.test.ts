/** What the image runs: its HEALTHCHECK against the worker's real server, and what its entrypoint starts. */
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from '@jest/globals'
import { createMetrics } from '../../../shared/metrics.ts'
import { startHttpServer } from '../../../worker/server/http.ts'
import { root } from '../../unit/house/sources.ts'

const undo: (() => unknown)[] = []
afterEach(async () => {
  for (const step of undo.splice(0)) await step()
})

interface Ended {
  code: number
  out: string
}

function run(program: string, args: string[], env: Record<string, string>): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(program, args, { env, timeout: 60_000 }, (error, out) =>
      resolve({ code: error === null ? 0 : Number(error.code ?? -1), out }),
    )
  })
}
const health = (port: number, env: Record<string, string> = {}) =>
  run(process.execPath, [join(root, 'deploy/image/main-health.ts')], { HTTP_PORT: String(port), ...env })

async function worker(look: { sinceGoodPollMs: number }): Promise<number> {
  const status = { state: 'running', apiAuthorized: true, scratchFree: true, bucketWritable: true, slots: [] }
  const server = await startHttpServer({
    config: { host: '127.0.0.1', port: 0 },
    worker: { status: () => status, sinceGoodPollMs: () => look.sinceGoodPollMs },
    ...{ metrics: createMetrics(), version: '0', sandbox: {} },
    host: () => ({ protection: 'off', notice: null }),
    readiness: async () => ({ queue: true, bucket: true, redis: true, api: true, scratch: true }),
  })
  undo.push(() => server.close())
  return server.port
}

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  undo.push(() => new Promise((resolve) => server.close(resolve)))
  return (server.address() as { port: number }).port
}

describe('the health check', () => {
  test('is well while the worker polls, and says why not when its poll hangs', async () => {
    const look = { sinceGoodPollMs: 1_000 }
    const port = await worker(look)
    const well = await health(port)
    expect(well.code).toBe(0)
    expect(JSON.parse(well.out)).toMatchObject({ ok: true, state: 'running' })
    look.sinceGoodPollMs = 600_000
    const hung = await health(port)
    expect(hung.code).toBe(1)
    expect(JSON.parse(hung.out)).toMatchObject({ ok: false, sinceGoodPollSeconds: 600 })
  })

  test('asks on loopback where the worker listens on every address', async () => {
    const port = await worker({ sinceGoodPollMs: 0 })
    expect((await health(port, { HTTP_HOST: '0.0.0.0' })).code).toBe(0)
  })

  test('fails when nobody listens, or who listens is silent', async () => {
    const gone = await worker({ sinceGoodPollMs: 0 })
    await undo.pop()!()
    const silent = await listen(createServer((socket) => void socket.on('error', () => {}).resume()))
    const [refused, late] = await Promise.all([health(gone), health(silent)])
    expect(refused).toEqual({ code: 1, out: expect.stringContaining('no answer') })
    expect(late).toEqual({ code: 1, out: expect.stringContaining('no answer') })
  })
})

describe('the entrypoint', () => {
  test.each([
    [[], '--max-semi-space-size=1 worker/main.ts'],
    [['worker'], '--max-semi-space-size=1 worker/main.ts'],
    [['backlog', '--dry-run'], 'deploy/backlog/main.ts --dry-run'],
    [['env', 'pull', '--role', 'worker'], 'deploy/commands/main.ts env pull --role worker'],
    [['node', 'deploy/commands/main.ts', 'status'], 'deploy/commands/main.ts status'],
    [['--help'], 'deploy/commands/main.ts --help'],
  ])('with %j starts node %s', async (args, started) => {
    const bin = mkdtempSync(join(tmpdir(), 'video-worker-image-'))
    undo.push(() => rmSync(bin, { recursive: true }))
    writeFileSync(join(bin, 'node'), '#!/bin/sh\necho "$(pwd) $*"\n', { mode: 0o755 })
    const entrypoint = join(root, 'deploy/image/entrypoint.sh')
    const { code, out } = await run(entrypoint, args, { PATH: `${bin}:/usr/bin:/bin` })
    expect([code, out.trim()]).toEqual([0, `${root} ${started}`])
  })
})
