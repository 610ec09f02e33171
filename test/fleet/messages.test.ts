import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type Fleet, type FleetWorker, openFleet } from './harness.ts'

let fleet: Fleet
let worker: FleetWorker
beforeAll(async () => {
  fleet = await openFleet()
  worker = fleet.start('messages')
  await worker.logged((line) => line.msg === 'worker is up')
})
afterAll(() => fleet?.close())

const { signal } = new AbortController()
const put = (key: string) => fleet.stack.storage.put(key, 'x', { contentType: 'text/plain', signal })
const empty = async () => {
  const { waiting, inFlight, delayed } = await fleet.stack.queueCounts()
  return waiting + inFlight + delayed === 0
}

describe('a message that is no job', () => {
  test('is parked in the dead-letter queue with its reason, and never loops', async () => {
    const poison = [
      'connection_test',
      '[]',
      '{"video_id":1,"file_key":"x"}',
      '{"action":"dance","tenant_id":1}',
    ]
    for (const body of poison) await fleet.stack.send(body)
    await fleet.until(
      'all four in the DLQ',
      async () => (await fleet.stack.queueCounts()).dead === poison.length,
    )
    await fleet.until('the queue empty', empty)
    const reasons = worker.log().filter((line) => line.code === 'message_invalid')
    expect(reasons.map((line) => line.reason)).toHaveLength(poison.length)
  })

  test('but is known is acknowledged', async () => {
    const before = (await fleet.stack.queueCounts()).dead
    await fleet.stack.send({ Service: 'Amazon S3', Event: 's3:TestEvent', Bucket: 'x' })
    await worker.logged((line) => line.msg === 'nothing to do for this message')
    await fleet.until('the queue empty', empty)
    expect((await fleet.stack.queueCounts()).dead).toBe(before)
  })
})

describe('a delete job', () => {
  const message = (fields: object = {}) => ({
    ...{ action: 'delete_r2', tenant_id: 3, video_id: 9, created_at: new Date().toISOString() },
    ...{ file_key: 'tenants/3/video/raw/s/a.mp4', hls_prefix: 'tenants/3/video/hls/9/', ...fields },
  })
  const keysUnder = async (prefix: string) => {
    const keys: string[] = []
    for await (const { key } of fleet.stack.storage.list(prefix, signal)) keys.push(key)
    return keys
  }

  test('removes the source and everything under its prefix, and nothing of its neighbour', async () => {
    await put('tenants/3/video/raw/s/a.mp4')
    for (let n = 0; n < 1100; n += 100) {
      await Promise.all(
        Array.from({ length: 100 }, (_, index) => put(`tenants/3/video/hls/9/job/seg-${n + index}.m4s`)),
      )
    }
    await put('tenants/3/video/hls/90/master.m3u8')
    await fleet.stack.redisClient.set('tenant:3:video:backlog_count', 1)
    await fleet.stack.send(message())
    await worker.logged((line) => line.msg === 'job settled' && line.video === 9 && line.outcome === 'done')
    expect(await keysUnder('tenants/3/')).toEqual(['tenants/3/video/hls/90/master.m3u8'])
    expect(await fleet.stack.backlog(3)).toBe(0)
    await fleet.until('the queue empty', empty)
    expect(await fleet.stack.redisClient.get('tenant:3:video:9:status')).toBeNull()
  })

  test('whose prefix is another video’s is refused', async () => {
    const before = (await fleet.stack.queueCounts()).dead
    await fleet.stack.send(message({ hls_prefix: 'tenants/4/video/hls/9/' }))
    await fleet.until('it is in the DLQ', async () => (await fleet.stack.queueCounts()).dead === before + 1)
  })

  test('that the bucket does not let through is tried again, not acknowledged', async () => {
    await put('tenants/3/video/hls/11/a.m4s')
    fleet.stack.s3.faults.failNext({ operation: 'DeleteObjects' }, { status: 500, times: 7 })
    await fleet.stack.send(message({ video_id: 11, file_key: '', hls_prefix: 'tenants/3/video/hls/11/' }))
    await worker.logged(
      (line) => line.msg === 'job settled' && line.video === 11 && line.outcome === 'released',
    )
    await worker.logged((line) => line.msg === 'job settled' && line.video === 11 && line.outcome === 'done')
    expect(await keysUnder('tenants/3/video/hls/11/')).toEqual([])
  })
})

describe('the worker’s own pages', () => {
  const get = async (path: string) => fetch((await worker.address()) + path)

  test('say that it is healthy and ready', async () => {
    expect((await get('/healthz')).status).toBe(200)
    const ready = await get('/readyz')
    expect(await ready.json()).toEqual({
      ready: true,
      state: 'running',
      queue: true,
      bucket: true,
      redis: true,
      api: true,
      scratch: true,
      notice: null,
    })
    expect(ready.status).toBe(200)
  })

  test('show state, configuration hash and slots', async () => {
    expect(await (await get('/status')).json()).toMatchObject({
      ...{ state: 'running', workerId: 'messages', slots: [{ state: 'idle' }] },
      ...{ version: expect.any(String), configHash: expect.stringMatching(/^[0-9a-f]{12}$/) },
    })
  })

  test('count polls and parked messages for Prometheus', async () => {
    const page = await (await get('/metrics')).text()
    expect(page).toMatch(/video_worker_polls_total\{result="message"\} [1-9]/)
    expect(page).toMatch(/video_worker_poison_total [1-9]/)
    expect(page).toContain('video_worker_slots{state="idle"} 1')
  })

  test('know no other path', async () => {
    expect((await get('/etc/passwd')).status).toBe(404)
  })
})

test('SIGTERM ends an idle worker cleanly, with the interrupt key set', async () => {
  worker.kill('SIGTERM')
  expect(await worker.ended).toBe('exit code 0')
  expect(await fleet.stack.redisClient.get('video:asg:interrupt')).toBe('1')
})
