import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { loadConfig } from '../../shared/config.ts'
import { openQueue } from '../../shared/queue.ts'
import { openStorage } from '../../shared/storage.ts'
import { sleep } from '../../shared/time.ts'
import { type Stack, startStack } from '../local/stack.ts'

const { signal } = new AbortController()
let dir: string
let stack: Stack

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'stack-'))
  stack = await startStack({ dir: join(dir, 'one') })
})

afterAll(async () => {
  await stack.close()
  await rm(dir, { recursive: true, force: true })
})

describe('the embedded stack', () => {
  test('gives an environment that is a whole configuration, and reaches every part of it', async () => {
    const config = loadConfig(stack.env({ WORKER_ID: 'w1' }))
    expect(config).toMatchObject({ workerId: 'w1', redis: { port: stack.redis.port }, http: { port: 0 } })
    const storage = openStorage(config.r2)
    await storage.put('x', 'y', { contentType: 'text/plain', signal })
    expect(await stack.storage.getText('x', signal)).toBe('y')
    storage.close()
    const credentials = { accessKeyId: 'a', secretAccessKey: 'b' }
    const queue = await openQueue(config, signal, { credentials })
    expect(await queue.attributes(signal)).toMatchObject({ visibilitySeconds: 120, maxReceiveCount: 50 })
    queue.close()
    expect(Object.keys(stack.env({ R2_ENDPOINT: undefined }))).not.toContain('R2_ENDPOINT')
  })

  test('uploads a file and sends its job as the product does: row, message, backlog', async () => {
    const file = join(dir, 'Lecture 1.MP4')
    await writeFile(file, 'not really a video')
    const fileKey = await stack.upload(file, { tenantId: 7, videoId: 70 })
    expect(fileKey).toMatch(/^tenants\/7\/video\/raw\/[0-9a-f-]{36}\/[0-9a-f-]{36}\.mp4$/)
    const jobId = await stack.sendJob({ tenantId: 7, videoId: 70, fileKey })
    expect(await stack.queueCounts()).toEqual({ waiting: 1, inFlight: 0, delayed: 0, dead: 0 })
    expect(await stack.backlog(7)).toBe(1)
    expect(stack.api.rows.video(70)).toMatchObject({ tenantId: 7, fileKey, jobId, status: 'PENDING' })
    const [message] = await stack.sqs.messages('academy-video-jobs')
    expect(JSON.parse(message!.body)).toMatchObject({
      job_id: jobId,
      video_id: 70,
      tenant_id: 7,
      file_key: fileKey,
    })
    await stack.sqs.drain('academy-video-jobs')
  })

  test('announces an object under videos/ with an S3 event, keys encoded', async () => {
    await stack.storage.put('videos/42_my movie ü.mp4', 'x', { contentType: 'video/mp4', signal })
    while ((await stack.queueCounts()).waiting === 0) await sleep(10, { signal })
    const [message] = await stack.sqs.messages('academy-video-jobs')
    const { Records } = JSON.parse(message!.body)
    expect(Records[0].s3.object.key).toBe('videos/42_my+movie+%C3%BC.mp4')
    await stack.sqs.drain('academy-video-jobs')
  })

  test('runs beside others of its kind', async () => {
    const others = await Promise.all(['two', 'three'].map((name) => startStack({ dir: join(dir, name) })))
    await others[0]!.sendJob({ tenantId: 1, videoId: 1, fileKey: 'x' })
    expect(await others[1]!.queueCounts()).toMatchObject({ waiting: 0 })
    expect(await others[1]!.backlog(1)).toBe(0)
    const ports = [stack, ...others].flatMap(({ s3, sqs, redis, api }) => [
      s3.port,
      sqs.port,
      redis.port,
      api.port,
    ])
    expect(new Set(ports).size).toBe(12)
    await Promise.all(others.map((other) => other.close()))
    for (const other of others) expect(isAlive(other.redis.pid)).toBe(false)
  })

  test('Redis can be killed and comes back empty on its port', async () => {
    await stack.redisClient.set('kept', 'no')
    const { port, pid } = stack.redis
    await stack.redis.kill()
    expect(isAlive(pid)).toBe(false)
    await stack.redis.restart()
    expect(stack.redis.port).toBe(port)
    expect(await stack.redisClient.get('kept')).toBeNull()
  })
})

test('a stack whose process is killed takes its Redis along', async () => {
  if (!(await promisify(execFile)('setpriv', ['--version']).catch(() => undefined))) {
    console.warn('SKIPPED: no setpriv on this machine')
    return
  }
  const module = fileURLToPath(new URL('../local/redis-server.ts', import.meta.url))
  const program = `
    const { startRedis } = await import(${JSON.stringify(module)})
    const { pid } = await startRedis({ dir: ${JSON.stringify(join(dir, 'killed'))} })
    console.log(pid)
    setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  const pid = Number(line.toString())
  expect(isAlive(pid)).toBe(true)
  child.kill('SIGKILL')
  await once(child, 'exit')
  while (isAlive(pid)) await sleep(10, { signal })
})

/** A process that has ended but that nobody has reaped yet is not alive. */
function isAlive(pid: number): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}
