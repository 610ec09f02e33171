import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import { makeClip } from '../fleet/clips.ts'
import { type Fleet, type FleetWorker, openFleet } from '../fleet/harness.ts'
import type { Faults } from '../local/faults.ts'
import { always, expectSpent, readiness, videoRuns } from './outside.ts'
import { expectKept, type FaultJob, sendJob, settled } from './promises.ts'

// One worker lives through all of it, one outage after the other: what one leaves behind, the next would meet.
const tenantId = 23
/** Production's ten minutes in seconds: two tries a report, and a message comes again after one or two seconds. */
const brief = {
  VIDEO_WORKER_RETRY_MAX: '2',
  VIDEO_WORKER_BACKOFF_BASE: '0.1',
  VIDEO_WORKER_BACKOFF_CAP: '0.2',
  VIDEO_WORKER_HTTP_TIMEOUT: '1',
}

let fleet: Fleet
let faults: Faults
let worker: FleetWorker
let clip: string
const jobs: FaultJob[] = []
beforeAll(async () => {
  fleet = await openFleet()
  faults = fleet.stack.api.faults
  clip = await makeClip(fleet.dir, 'tiny.avi')
  worker = fleet.start('api', brief)
  await worker.logged(({ msg }) => msg === 'worker is up')
})
afterEach(() => faults.clear())
afterAll(() => fleet?.close())

async function send(): Promise<FaultJob> {
  const job = await sendJob(fleet, clip, { tenantId, videoId: jobs.length + 1 })
  jobs.push(job)
  return job
}
const reports = ({ jobId }: FaultJob) =>
  fleet.stack.api.calls
    .filter((call) => call.jobId === jobId && call.name === 'complete')
    .map(({ status, reason }) => `${status} ${reason ?? ''}`.trim())
const timesSettled = ({ jobId }: FaultJob, of: string) =>
  worker.log().filter(({ msg, job, outcome }) => msg === 'job settled' && job === jobId && outcome === of)
    .length

test('gone for long: the result is published, waits without a new encode, and is reported once', async () => {
  const back = always(faults, {}, { reset: true })
  const job = await send()
  await fleet.until('it was tried again and again', () => timesSettled(job, 'released') >= 4)
  const { waiting, inFlight, delayed } = await fleet.stack.queueCounts()
  expect([waiting + inFlight + delayed, videoRuns(worker, job)]).toEqual([1, 1])
  const { jobId, prefix } = job
  expect(fleet.stack.s3.keys(`${prefix}${jobId}/master.m3u8`)).toHaveLength(1)
  back()
  await settled(worker, job, 'done')
  expect([reports(job), videoRuns(worker, job)]).toEqual([['200 ok'], 1])
  expectSpent(worker, job)
})

test('slower than its limit: what it did meanwhile counts, and the second call finds it done', async () => {
  faults.failNext({ operation: 'complete' }, { delayMs: 2000 })
  const job = await send()
  await settled(worker, job, 'done')
  await fleet.until('the slow call has ended', () => reports(job).length === 2)
  expect(reports(job).sort()).toEqual(['200 idempotent', '200 ok'])
  expect(videoRuns(worker, job)).toBe(1)
  expectSpent(worker, job)
})

test('refusing a report as wrong (400): an attempt is spent on it, and no encode', async () => {
  faults.failNext({ operation: 'complete' }, { status: 400 })
  const job = await send()
  await settled(worker, job, 'done')
  expect(videoRuns(worker, job)).toBe(1)
  expectSpent(worker, job, { failures: 1 })
})

test('without a token of its own (503): polling stops, nothing is spent, and all goes on when it has one', async () => {
  const token = fleet.stack.env().INTERNAL_WORKER_TOKEN!
  fleet.stack.api.setToken('')
  const first = await send()
  await settled(worker, first, 'released')
  await worker.logged(({ code }) => code === 'api_unauthorized')
  const second = await send()
  expect(await readiness(worker)).toMatchObject({ code: 503, ready: false, api: false, bucket: true })
  const { waiting, inFlight, delayed } = await fleet.stack.queueCounts()
  expect([waiting + inFlight + delayed, await fleet.stack.backlog(tenantId)]).toEqual([2, 2])
  fleet.stack.api.setToken(token)
  for (const job of [first, second]) {
    await settled(worker, job, 'done')
    expect(videoRuns(worker, job)).toBe(1)
    expectSpent(worker, job)
  }
})

test('after all of it every promise holds', async () => {
  await expectKept(fleet, { jobs: jobs.map((job) => ({ job, end: 'complete' })), workers: ['api'] })
})
