import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { makeClip, makeLongClip } from '../fleet/clips.ts'
import { type Fleet, type FleetWorker, openFleet } from '../fleet/harness.ts'

const tenantId = 6

let fleet: Fleet
let short: string
let long: string
let videoId = 0
let token: string
beforeAll(async () => {
  fleet = await openFleet()
  token = fleet.stack.env().INTERNAL_WORKER_TOKEN!
  short = await makeClip(fleet.dir, 'plain.mp4')
  long = await makeLongClip(fleet.dir, 12)
})
afterEach(async () => {
  await fleet.stopWorkers()
  fleet.stack.api.setToken(token)
  fleet.stack.s3.faults.clear()
  fleet.stack.api.faults.clear()
  fleet.stack.sqs.faults.clear()
})
afterAll(() => fleet?.close())

async function send(clip: string) {
  videoId += 1
  const fileKey = await fleet.stack.upload(clip, { tenantId, name: 'a.mp4' })
  return { videoId, jobId: await fleet.stack.sendJob({ tenantId, videoId, fileKey }) }
}
const outcome = (worker: FleetWorker, jobId: string, of: string) =>
  worker.logged((line) => line.msg === 'job settled' && line.job === jobId && line.outcome === of)
const accepted = (jobId: string) =>
  fleet.stack.api.calls.filter(
    (call) => call.jobId === jobId && call.name === 'complete' && call.status === 200,
  )
const videoRuns = (worker: FleetWorker, jobId: string) =>
  worker.log().filter((line) => line.msg === 'tool starts' && line.what === 'video' && line.job === jobId)
const queueIsEmpty = async () => {
  const { waiting, inFlight, delayed, dead } = await fleet.stack.queueCounts()
  return waiting + inFlight + delayed + dead === 0
}

describe('while Redis', () => {
  test('is killed and comes back empty in mid-encode, the job goes on, ends once and is READY', async () => {
    const worker = fleet.start('wiped')
    const { jobId, videoId: video } = await send(long)
    await worker.logged((line) => line.msg === 'tool starts' && line.what === 'video')
    await fleet.stack.redis.restart()
    await outcome(worker, jobId, 'done')
    expect(accepted(jobId)).toHaveLength(1)
    const status = await fleet.stack.redisClient.get(`tenant:${tenantId}:video:${video}:status`)
    expect(JSON.parse(status!)).toMatchObject({ status: 'READY' })
    expect(await fleet.stack.backlog(tenantId)).toBe(0)
    await fleet.until('the queue is empty', queueIsEmpty)
  })

  test('is away from the start, the job is done under the SQS lease alone', async () => {
    const { jobId } = await send(short)
    await fleet.stack.redis.kill()
    const worker = fleet.start('alone')
    await outcome(worker, jobId, 'done')
    expect(accepted(jobId)).toHaveLength(1)
    await fleet.until('the queue is empty', queueIsEmpty)
    await fleet.stack.redis.restart()
  })
})

describe('while the API', () => {
  test('is away when the job is done, the message waits, and is reported later without a new encode', async () => {
    fleet.stack.api.faults.failNext({ operation: 'complete' }, { status: 500, times: 3 })
    const worker = fleet.start('unreported', { VIDEO_WORKER_RETRY_MAX: '2', VIDEO_WORKER_BACKOFF_CAP: '1' })
    const { jobId } = await send(short)
    await worker.logged((line) => line.msg === 'job started')
    const letGo = fleet.holdQueue()
    await outcome(worker, jobId, 'released')
    expect(await fleet.stack.backlog(tenantId)).toBe(1)
    letGo()
    await outcome(worker, jobId, 'done')
    expect(accepted(jobId)).toHaveLength(1)
    expect(videoRuns(worker, jobId)).toHaveLength(1)
    expect(await fleet.stack.backlog(tenantId)).toBe(0)
  })

  test('answers and the answer is lost, the second call is idempotent', async () => {
    fleet.stack.api.faults.failNext({ operation: 'complete' }, { reset: true, when: 'after' })
    const worker = fleet.start('unheard')
    const { jobId } = await send(short)
    await outcome(worker, jobId, 'done')
    expect(
      accepted(jobId)
        .map((call) => call.reason)
        .at(-1),
    ).toBe('idempotent')
  })

  test('refuses the token, intake stops, no attempt is burnt, and work goes on when it is right again', async () => {
    const worker = fleet.start('refused')
    const { jobId } = await send(short)
    await worker.logged((line) => line.msg === 'job started')
    fleet.stack.api.setToken('another')
    await outcome(worker, jobId, 'released')
    await worker.logged((line) => String(line.msg).includes('polling is stopped'))
    const ready = await fetch(`${await worker.address()}/readyz`)
    expect([ready.status, await ready.json()]).toMatchObject([503, { ready: false, api: false, queue: true }])
    const { waiting, inFlight } = await fleet.stack.queueCounts()
    expect(waiting + inFlight).toBe(1)
    fleet.stack.api.setToken(token)
    await outcome(worker, jobId, 'done')
    const started = worker.log().findLast((line) => line.msg === 'job started')
    expect(started).toMatchObject({ failures: 0, crashes: 0 })
  })

  test('says that another owner has the job, nothing is touched and nothing acknowledged', async () => {
    const worker = fleet.start('stranger')
    const { jobId, videoId: video } = await send(short)
    await worker.logged((line) => line.msg === 'job started')
    fleet.stack.api.rows.updateVideo(video, { owner: 'somebody-else' })
    await outcome(worker, jobId, 'lost')
    const { waiting, inFlight } = await fleet.stack.queueCounts()
    expect(waiting + inFlight).toBe(1)
    expect(accepted(jobId)).toEqual([])
    fleet.stack.api.rows.updateVideo(video, { owner: null })
    await outcome(worker, jobId, 'done')
    expect(worker.log().findLast((line) => line.msg === 'job started')).toMatchObject({ crashes: 0 })
  })
})

describe('while the bucket', () => {
  test('fails in bursts, the job does not notice', async () => {
    fleet.stack.s3.faults.failNext({ operation: 'GetObject' }, { status: 500, times: 2 })
    fleet.stack.s3.faults.failNext({ operation: 'PutObject' }, { status: 503, times: 3 })
    fleet.stack.s3.faults.failNext({ operation: 'PutObject' }, { reset: true, times: 2 })
    const worker = fleet.start('bursts')
    const { jobId } = await send(short)
    await outcome(worker, jobId, 'done')
    expect(worker.log().find((line) => line.msg === 'job started')).toMatchObject({ attempt: 1 })
  })

  test('does not have the source yet, the job is tried again; the message may be older than the object', async () => {
    const worker = fleet.start('early')
    videoId += 1
    const fileKey = `tenants/${tenantId}/video/raw/late/late.mp4`
    const jobId = await fleet.stack.sendJob({ tenantId, videoId, fileKey })
    await outcome(worker, jobId, 'failed')
    await fleet.stack.storage.putFile(fileKey, short, { contentType: 'video/mp4', signal: fleet.signal })
    await outcome(worker, jobId, 'done')
  })
})

test('a job that fails for the last time is told to the API, parked with its reason, and runs again after a redrive', async () => {
  const worker = fleet.start('exhausted', { VIDEO_JOB_MAX_ATTEMPTS: '2' })
  videoId += 1
  const fileKey = `tenants/${tenantId}/video/raw/never/never.mp4`
  const jobId = await fleet.stack.sendJob({ tenantId, videoId, fileKey })
  await fleet.until('it is parked', async () => (await fleet.stack.queueCounts()).dead === 1)
  const fails = fleet.stack.api.calls.filter((call) => call.jobId === jobId && call.name === 'fail')
  expect(fails).toMatchObject([{ body: { code: 'input_missing', retryable: true } }])
  expect(await fleet.stack.backlog(tenantId)).toBe(0)

  await fleet.stack.storage.putFile(fileKey, short, { contentType: 'video/mp4', signal: fleet.signal })
  const queue = 'academy-video-jobs-dlq'
  const [parked] = await fleet.stack.sqs.messages(queue)
  await fleet.stack.sqs.drain(queue)
  await fleet.stack.send(parked!.body)
  await outcome(worker, jobId, 'done')
})
