import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { statusKey } from '../../shared/keys.ts'
import { makeClip } from '../fleet/clips.ts'
import { type Fleet, type FleetWorker, openFleet } from '../fleet/harness.ts'
import { startTcpProxy, type TcpProxy } from '../local/tcp-proxy.ts'
import { expectSpent, heldAt, readiness, videoRuns } from './outside.ts'
import { expectKept, type FaultJob, line, sendJob, settled } from './promises.ts'

// One worker lives through all of it, one outage after the other: what one leaves behind, the next would meet.
const tenantId = 21

let fleet: Fleet
let proxy: TcpProxy
let worker: FleetWorker
let clip: string
const jobs: FaultJob[] = []
beforeAll(async () => {
  fleet = await openFleet()
  clip = await makeClip(fleet.dir, 'tiny.avi')
  const { redis } = fleet.stack
  proxy = await startTcpProxy(() => redis)
  worker = fleet.start('redis', { REDIS_PORT: String(proxy.port) })
  await worker.logged(({ msg }) => msg === 'worker is up')
})
afterAll(async () => {
  proxy?.mend()
  await fleet?.close()
  await proxy?.close()
})

async function send(): Promise<FaultJob> {
  const job = await sendJob(fleet, clip, { tenantId, videoId: jobs.length + 1 })
  jobs.push(job)
  return job
}
const segment = { operation: 'PutObject', key: /seg-/ }
const configure = (name: string, value: string) => fleet.stack.redisClient.config('SET', name, value)

/** The job has ended well, as if nothing had been: one encode, nothing spent, and Redis says so where the API looks. */
async function expectWell(job: FaultJob): Promise<void> {
  await settled(worker, job, 'done')
  expect(videoRuns(worker, job)).toBe(1)
  expectSpent(worker, job)
  await fleet.until('its status is READY', async () => {
    const status = await fleet.stack.redisClient.get(statusKey(tenantId, job.videoId))
    return JSON.parse(status ?? '{}').status === 'READY'
  })
  expect(await fleet.stack.backlog(tenantId)).toBe(0)
}

// First: what Redis forgets it forgets of all jobs.
test('wiped in mid-encode: the job is claimed anew and the backlog keeps its count', async () => {
  const job = await send()
  const goOn = await heldAt(fleet, fleet.stack.s3.faults, segment)
  await fleet.stack.redisClient.flushall()
  goOn()
  await expectWell(job)
})

test('away before the claim and back in mid-encode: the job is claimed then, and leaves the backlog', async () => {
  proxy.cut()
  const held = heldAt(fleet, fleet.stack.s3.faults, segment)
  const job = await send()
  await line(worker, job, 'no claim in Redis: the SQS lease stands alone')
  const goOn = await held
  expect(await fleet.stack.backlog(tenantId)).toBe(1)
  proxy.mend()
  await fleet.until('it is claimed', async () => (await fleet.stack.backlog(tenantId)) === 0)
  goOn()
  await expectWell(job)
})

test('away while the result is published and reported: the end is written when it is back', async () => {
  const job = await send()
  const goOn = await heldAt(fleet, fleet.stack.s3.faults, { operation: 'PutObject', key: /master\.m3u8$/ })
  proxy.cut()
  goOn()
  await settled(worker, job, 'done')
  const status = await fleet.stack.redisClient.get(statusKey(tenantId, job.videoId))
  expect(JSON.parse(status!)).toMatchObject({ status: 'PROCESSING' })
  proxy.mend()
  await expectWell(job)
})

test('away from before the claim until after the end: the backlog is right when it is back', async () => {
  proxy.cut()
  const job = await send()
  await settled(worker, job, 'done')
  expect(await fleet.stack.backlog(tenantId)).toBe(1)
  proxy.mend()
  await expectWell(job)
})

test.each([
  ['read-only, without the replicas that it must have', 'min-replicas-to-write', '1', '0'],
  ['without memory for a write', 'maxmemory', '1', '0'],
])('%s: the job is done under the SQS lease, and told later', async (_how, name, value, well) => {
  await configure(name, value)
  try {
    const fileKey = await fleet.stack.upload(clip, { tenantId, name: clip })
    const [videoId, prefix] = [jobs.length + 1, `tenants/${tenantId}/video/hls/${jobs.length + 1}/`]
    // The API’s own INCR fails as well: the message is all there is.
    const jobId = await fleet.stack.sendJob({ tenantId, videoId, fileKey }).catch(() => '')
    expect(jobId).toBe('')
    const row = fleet.stack.api.rows.video(videoId)!
    const job = { jobId: row.jobId, videoId, tenantId, prefix }
    jobs.push(job)
    await settled(worker, job, 'done')
    expect(await readiness(worker)).toMatchObject({ code: 503, redis: false })
    await configure(name, well)
    await expectWell(job)
  } finally {
    await configure(name, well)
  }
})

test('slow, and silent on a connection that nobody closed: the job does not wait, the next one finds a new connection', async () => {
  proxy.slow(300)
  const slowed = await send()
  await expectWell(slowed)
  proxy.mend()
  const before = proxy.connections()
  proxy.silence()
  const unheard = await send()
  await expectWell(unheard)
  expect(proxy.connections()).toBeGreaterThan(before)
})

test('after all of it every promise holds', async () => {
  await expectKept(fleet, { jobs: jobs.map((job) => ({ job, end: 'complete' })), workers: ['redis'] })
})
