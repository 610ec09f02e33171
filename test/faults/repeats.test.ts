import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { makeClip } from '../fleet/clips.ts'
import { type Fleet, type FleetWorker, openFleet } from '../fleet/harness.ts'

// A message may come again at any time, before and after its job has ended: nobody must be able to tell.
const tenantId = 3

let fleet: Fleet
let clip: string
let videoId = 0
beforeAll(async () => {
  fleet = await openFleet()
  clip = await makeClip(fleet.dir, 'plain.mp4')
})
afterEach(async () => {
  await fleet.stopWorkers()
  fleet.stack.api.faults.clear()
  fleet.stack.sqs.faults.clear()
})
afterAll(() => fleet?.close())

async function send() {
  videoId += 1
  const fileKey = await fleet.stack.upload(clip, { tenantId, name: 'a.mp4' })
  const jobId = await fleet.stack.sendJob({ tenantId, videoId, fileKey })
  const body = { job_id: jobId, video_id: videoId, tenant_id: tenantId, file_key: fileKey }
  return { jobId, videoId, fileKey, body, prefix: `tenants/${tenantId}/video/hls/${videoId}/` }
}
type Sent = Awaited<ReturnType<typeof send>>

const outcome = (worker: FleetWorker, { jobId }: Sent, of: string) =>
  worker.logged((line) => line.msg === 'job settled' && line.job === jobId && line.outcome === of)
const ends = ({ jobId }: Sent, name: string) =>
  fleet.stack.api.calls.filter((call) => call.jobId === jobId && call.name === name && call.status === 200)
const objects = async ({ prefix }: Sent) => {
  const found: string[] = []
  for await (const { key, modified } of fleet.stack.storage.list(prefix, fleet.signal))
    found.push(`${key} ${modified}`)
  return found
}
const status = async ({ videoId: id }: Sent) =>
  JSON.parse((await fleet.stack.redisClient.get(`tenant:${tenantId}:video:${id}:status`)) ?? '{}').status
const queueIsEmpty = async () => {
  const { waiting, inFlight, delayed, dead } = await fleet.stack.queueCounts()
  return waiting + inFlight + delayed + dead === 0
}

describe('a message that comes again', () => {
  test('after Redis was wiped and the source removed leaves the published video as it is', async () => {
    const worker = fleet.start('again')
    const job = await send()
    await outcome(worker, job, 'done')
    const before = await objects(job)
    await fleet.stack.redisClient.flushall()
    await fleet.stack.storage.deleteKeys([job.fileKey], fleet.signal)
    await fleet.stack.send(job.body)
    await outcome(worker, job, 'published')
    expect(await objects(job)).toEqual(before)
    expect(ends(job, 'fail')).toEqual([])
    expect(await status(job)).toBe('READY')
    await fleet.until('the queue is empty', queueIsEmpty)
  })

  test('because the API was not heard is reported from the bucket, without its source', async () => {
    fleet.stack.api.faults.failNext({ operation: 'complete' }, { reset: true, when: 'after', times: 2 })
    const worker = fleet.start('unheard', { VIDEO_WORKER_RETRY_MAX: '2', VIDEO_WORKER_BACKOFF_CAP: '1' })
    const job = await send()
    await outcome(worker, job, 'released')
    await fleet.stack.storage.deleteKeys([job.fileKey], fleet.signal)
    await outcome(worker, job, 'done')
    expect(ends(job, 'complete').map((call) => call.reason)).toEqual(['ok', 'idempotent', 'idempotent'])
    expect(ends(job, 'fail')).toEqual([])
    expect(await status(job)).toBe('READY')
  })

  test('while the job runs in another slot of the same worker takes nothing from it', async () => {
    const worker = fleet.start('twin', { WORKER_CONCURRENCY: '2' })
    const job = await send()
    await fleet.stack.send(job.body)
    await fleet.stack.send(job.body)
    await outcome(worker, job, 'done')
    await fleet.until('the queue is empty', queueIsEmpty)
    expect(worker.log().filter((line) => line.msg === 'job started' && line.job === job.jobId)).toHaveLength(
      1,
    )
    expect(ends(job, 'complete')).toHaveLength(1)
  })
})

test('a job whose row is not saved yet is not taken for a deleted video', async () => {
  const worker = fleet.start('early-bird')
  const fileKey = await fleet.stack.upload(clip, { tenantId, name: 'a.mp4' })
  videoId += 1
  const jobId = '11111111-2222-4333-8444-555555555555'
  const job = { jobId, videoId, fileKey, body: {}, prefix: '' } as unknown as Sent
  await fleet.stack.send({ job_id: jobId, video_id: videoId, tenant_id: tenantId, file_key: fileKey })
  await outcome(worker, job, 'released')
  fleet.stack.api.rows.addVideo({ id: videoId, tenantId, fileKey, jobId })
  await outcome(worker, job, 'done')
  expect(ends(job, 'complete')).toHaveLength(1)
  await fleet.stack.redisClient.del(`tenant:${tenantId}:video:backlog_count`)
})

describe('a cancel', () => {
  const request = (job: Sent) =>
    fleet.stack.redisClient.set(`tenant:${tenantId}:video:${job.videoId}:cancel_requested`, '1', 'EX', 300)

  test('that cannot be reported is not forgotten when its request runs out', async () => {
    fleet.stack.api.faults.failNext({ operation: 'fail' }, { status: 500, times: 2 })
    const worker = fleet.start('patient', { VIDEO_WORKER_RETRY_MAX: '2', VIDEO_WORKER_BACKOFF_CAP: '1' })
    const job = await send()
    await worker.logged((line) => line.msg === 'job started' && line.job === job.jobId)
    await request(job)
    const letGo = fleet.holdQueue()
    await outcome(worker, job, 'released')
    const key = `tenant:${tenantId}:video:${job.videoId}:cancel_requested`
    expect(await fleet.stack.redisClient.ttl(key)).toBeGreaterThan(300)
    letGo()
    await outcome(worker, job, 'cancelled')
    expect(ends(job, 'complete')).toEqual([])
    expect(await fleet.stack.redisClient.exists(key)).toBe(0)
  })

  test('that came too late does not end the video’s next job', async () => {
    const worker = fleet.start('late')
    const job = await send()
    const { remove: goOn } = fleet.stack.api.faults.failNext({ operation: 'complete' }, { delayMs: 20_000 })
    await worker.logged((line) => line.msg === 'job finished, reporting' && line.job === job.jobId)
    await request(job)
    goOn()
    await fleet.until('the job is settled', () =>
      worker.log().some((line) => line.msg === 'job settled' && line.job === job.jobId),
    )
    const next = await fleet.stack.sendJob({ tenantId, videoId: job.videoId, fileKey: job.fileKey })
    await outcome(worker, { ...job, jobId: next }, 'done')
  })
})
