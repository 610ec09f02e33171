import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import { makeClip, makeLongClip } from '../fleet/clips.ts'
import { type Fleet, type FleetWorker, openFleet } from '../fleet/harness.ts'
import type { Fault } from '../local/faults.ts'
import type { StrictServer } from '../strict-sqs/server.ts'
import {
  brief,
  chunked,
  expectKept,
  type FaultJob,
  type Kept,
  line,
  midEncode,
  sendJob,
  settled,
} from './promises.ts'
import { encoded, starts, thaw } from './queue-faults.ts'

// SQS throttles, fails, loses its answers, is gone: its calls are tried again, and what was done is not done twice.
const tenantId = 21

let fleet: Fleet
let sqs: StrictServer
let short: string
let long: string
let videoId = 0
beforeAll(async () => {
  fleet = await openFleet({ queue: 'strict' })
  sqs = fleet.stack.strict!
  short = await makeClip(fleet.dir, 'tiny.avi')
  long = await makeLongClip(fleet.dir, 12, '480x270')
})
afterEach(async () => {
  sqs.faults.clear()
  await fleet.stopWorkers()
})
afterAll(() => fleet?.close())

const send = (clip: string) => sendJob(fleet, clip, { tenantId, videoId: ++videoId })
const kept = (worker: FleetWorker, job: FaultJob) =>
  expectKept(fleet, { jobs: [{ job, end: 'complete' }], workers: [worker.name] })

test('SQS throttles, answers 500, resets connections: polls, beats and deletes are tried again, and no job notices', async () => {
  const worker = fleet.start('answers', { LEASE_BEAT_SECONDS: '0.2' })
  const jobs: Kept['jobs'][number][] = []
  const actions = ['ReceiveMessage', 'ChangeMessageVisibility', 'DeleteMessage']
  const wrongs: Fault[] = [{ status: 400, code: 'RequestThrottled' }, { status: 500 }, { reset: true }]
  for (const wrong of wrongs) {
    const faults = actions.map((operation) => sqs.faults.failNext({ operation }, { ...wrong, times: 2 }))
    // A poll that is open already would bring the job past them.
    await fleet.until('polls fail', () => faults[0]!.hits() === 2)
    const job = await send(short)
    await settled(worker, job, 'done')
    expect(faults.map((each) => each.hits())).toEqual([2, 2, 2])
    expect(starts(worker, job)).toMatchObject([{ attempt: 1, failures: 0, crashes: 0, releases: 0 }])
    jobs.push({ job, end: 'complete' })
  }
  await expectKept(fleet, { jobs, workers: [worker.name] })
})

test('SQS does what it is told and its answers are lost: the message comes again, and the job is done once', async () => {
  const worker = fleet.start('unheard-of')
  const lost: Fault = { reset: true, when: 'after', times: 1 }
  for (const operation of ['ChangeMessageVisibility', 'DeleteMessage'])
    sqs.faults.failNext({ operation }, lost)
  const receive = sqs.faults.failNext({ operation: 'ReceiveMessage' }, lost)
  const job = await send(short)
  await fleet.until('a receive whose answer is lost', () =>
    sqs.traffic.some(({ what, body }) => what === 'received' && body.includes(job.jobId)),
  )
  expect(receive.hits()).toBe(1)
  // In the hands of nobody until its visibility ends.
  sqs.advance(24_000)
  await settled(worker, job, 'done')
  expect(starts(worker, job)).toMatchObject([{ attempt: 1, receiveCount: 2 }])
  await kept(worker, job)
})

test('SQS takes no delete: the message comes again when all is done, and only it is deleted', async () => {
  const worker = fleet.start('undeleted')
  const deletes = sqs.faults.failNext({ operation: 'DeleteMessage' }, { status: 500, times: 6 })
  const job = await send(short)
  await fleet.until('the last try of the delete', () => deletes.hits() === 6)
  await worker.logged((each) => each.msg === 'job settled' && each.job === job.jobId)
  sqs.advance(24_000)
  await line(worker, job, 'a job that has ended came again')
  expect(starts(worker, job)).toHaveLength(1)
  await kept(worker, job)
})

test('SQS is away for less than the lease: beats fail, and the job goes on', async () => {
  const worker = fleet.start('shortly-away', { ...chunked, LEASE_VISIBILITY_SECONDS: '120' })
  const job = await send(long)
  await midEncode(fleet, worker, job)
  const comeBack = await sqs.goAway()
  await line(worker, job, 'lease beat failed')
  await comeBack()
  await thaw(worker, job)
  await settled(worker, job, 'done')
  expect(encoded(worker, job)).toEqual([0, 1])
  expect(starts(worker, job)).toHaveLength(1)
  await kept(worker, job)
})

test('SQS is away for longer than the lease: the job is stopped in time and let go of, and goes on from its chunks', async () => {
  const worker = fleet.start('long-away', { ...chunked, ...brief })
  const job = await send(long)
  await midEncode(fleet, worker, job)
  const comeBack = await sqs.goAway()
  const { err } = await line(worker, job, 'job ended without a result')
  expect(err).toMatchObject({ code: 'lease_slack' })
  await settled(worker, job, 'lost')
  await comeBack()
  await settled(worker, job, 'done')
  expect(encoded(worker, job)).toEqual([0, 1])
  expect(starts(worker, job).at(-1)).toMatchObject({ failures: 0, crashes: 0 })
  await kept(worker, job)
})
