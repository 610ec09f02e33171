import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { cancelKey, interruptKey, jobRecordKey, statusKey } from '../../shared/keys.ts'
import { sleep } from '../../shared/time.ts'
import { makeLongClip } from '../fleet/clips.ts'
import { type Fleet, openFleet } from '../fleet/harness.ts'
import { encodersOf, signal, toolsOf } from './processes.ts'
import { expectKept, type FaultJob, line, midEncode, sendJob, settled } from './promises.ts'
import { atEachStage, threeSlots } from './stages.ts'

const tenantId = 8
let fleet: Fleet
let clip: string
let tiny: string
let videoId = 0
beforeAll(async () => {
  fleet = await openFleet()
  // Four chunks, of which the last three are time enough to meet an encoder.
  clip = await makeLongClip(fleet.dir, 16, '320x180')
  tiny = await makeLongClip(fleet.dir, 4, '160x90')
})
afterEach(async () => {
  await fleet.stopWorkers()
  fleet.stack.s3.faults.clear()
  fleet.stack.api.faults.clear()
  // A job that a test leaves behind is not the next one's.
  await fleet.stack.sqs.drain('academy-video-jobs')
})
afterAll(() => fleet?.close())

const send = (file = clip) => {
  videoId += 1
  return sendJob(fleet, file, { tenantId, videoId })
}
const callsOf = ({ jobId }: FaultJob) =>
  fleet.stack.api.calls.filter(
    (call) => call.jobId === jobId && (call.name === 'complete' || call.name === 'fail'),
  )

test('SIGTERM hands jobs back at whatever stage, a second one that whose callback hangs; another worker ends all', async () => {
  // Of the drain 30 s are for handing back: what can end within two more may.
  const four = { ...threeSlots, WORKER_CONCURRENCY: '4' }
  const first = fleet.start('told', { ...four, DRAIN_SECONDS: '32' })
  const times = Number.POSITIVE_INFINITY
  const hang = fleet.stack.api.faults.failNext({ operation: 'complete' }, { stall: true, times })
  const reporting = await send()
  await line(first, reporting, 'job finished, reporting')
  videoId += 3
  const stages = await atEachStage(fleet, first, clip, { tenantId, videoId: videoId - 2 })
  await fleet.until('the callback hangs', () => hang.hits() > 0)

  first.kill('SIGTERM')
  for (const job of stages.all) await settled(first, job, 'released')
  expect(await fleet.stack.queueCounts()).toEqual({ waiting: 3, inFlight: 1, delayed: 0, dead: 0 })
  expect(first.log().filter((each) => each.msg === 'job settled')).toHaveLength(3)
  first.kill('SIGTERM')
  expect(await first.ended).toBe('exit code 0')
  await settled(first, reporting, 'released')
  expect(first.log().find((each) => each.msg === 'drained')?.how).toBe('clean')
  expect(await fleet.stack.queueCounts()).toEqual({ waiting: 4, inFlight: 0, delayed: 0, dead: 0 })
  expect(await fleet.stack.backlog(tenantId)).toBe(4)
  expect(await fleet.stack.redisClient.exists(interruptKey)).toBe(1)
  expect(await toolsOf(['told'])).toEqual([])
  expect(await readdir(join(fleet.dir, 'scratch'))).toEqual([])

  hang.remove()
  stages.letGo()
  const all = [reporting, ...stages.all]
  const second = fleet.start('successor', four)
  for (const job of all) {
    await settled(second, job, 'done')
    expect(await line(second, job, 'job started')).toMatchObject({ failures: 0, crashes: 0, releases: 1 })
  }
  // What was encoded is not encoded again: neither the chunk that was stored, nor anything of the two that were whole.
  expect(await line(second, stages.encoding, 'finished chunks were reused')).toMatchObject({ reused: 1 })
  const encoded = second.log().filter((each) => each.msg === 'chunk encoded')
  expect(encoded.filter((each) => each.job === reporting.jobId)).toEqual([])
  expect(encoded.filter((each) => each.job === stages.publishing.jobId)).toEqual([])
  await expectKept(fleet, {
    jobs: all.map((job) => ({ job, end: 'complete' as const })),
    workers: ['told', 'successor'],
  })
})

describe('a job in the middle of its encode', () => {
  test('that is cancelled, whose video is deleted, whose lease is lost: each ends its own ffmpeg, and no other', async () => {
    const worker = fleet.start('stopped', threeSlots)
    const met: FaultJob[] = []
    for (let n = 0; n < 3; n++) {
      met.push(await send())
      await midEncode(fleet, worker, met[n]!)
    }
    const [cancelled, deleted, lost] = met as [FaultJob, FaultJob, FaultJob]

    await fleet.stack.redisClient.set(cancelKey(tenantId, cancelled.videoId), '1', 'EX', 300)
    await settled(worker, cancelled, 'cancelled')
    expect(await encodersOf(worker.name, cancelled.jobId)).toEqual([])
    expect(callsOf(cancelled)).toMatchObject([
      { name: 'fail', body: { code: 'cancelled', retryable: false } },
    ])
    const status = await fleet.stack.redisClient.get(statusKey(tenantId, cancelled.videoId))
    expect(JSON.parse(status!)).toMatchObject({ status: 'FAILED' })

    fleet.stack.api.rows.deleteVideo(deleted.videoId)
    await settled(worker, deleted, 'cancelled')
    expect(await encodersOf(worker.name, deleted.jobId)).toEqual([])
    for (const { prefix } of [cancelled, deleted]) expect(fleet.stack.s3.keys(prefix)).toEqual([])

    expect(await encodersOf(worker.name, lost.jobId)).not.toEqual([])
    const before = fleet.stack.s3.keys(lost.prefix)
    // Another worker's claim, as after an expired lease: a higher token under another owner.
    await fleet.stack.redisClient.hset(jobRecordKey(lost.jobId), { token: 99, owner: 'somebody' })
    await settled(worker, lost, 'lost')
    expect(await encodersOf(worker.name, lost.jobId)).toEqual([])
    expect(callsOf(lost)).toEqual([])
    // What it stored before it could know stays; from then on nothing is written or removed.
    const left = fleet.stack.s3.keys(lost.prefix)
    expect(left).toEqual(expect.arrayContaining(before))
    await sleep(2000, { signal: fleet.signal })
    expect(fleet.stack.s3.keys(lost.prefix)).toEqual(left)
    expect(await fleet.stack.queueCounts()).toEqual({ waiting: 0, inFlight: 1, delayed: 0, dead: 0 })
    expect(await fleet.stack.backlog(tenantId)).toBe(0)
  })

  test('whose encoder hangs is killed and counted as a crash, not as an attempt', async () => {
    const worker = fleet.start('hung', { ...threeSlots, ENCODE_STALL_SECONDS: '5' })
    const job = await send()
    await midEncode(fleet, worker, job)
    await settled(worker, job, 'failed')
    expect(await line(worker, job, 'job ended without a result')).toMatchObject({
      err: { code: 'encode_stalled' },
    })
    expect(await line(worker, job, 'job started', { attempt: 2 })).toMatchObject({ crashes: 1, failures: 0 })
    await settled(worker, job, 'done')
    await expectKept(fleet, { jobs: [{ job, end: 'complete' }], workers: ['hung'] })
  })
})

test('two workers of one name do not disturb each other: no ffmpeg swept, no job done twice, none taken from the other', async () => {
  // A second message of a job waits for what is left of the lease.
  const lease = { LEASE_VISIBILITY_SECONDS: '12', LEASE_BEAT_SECONDS: '1', LEASE_MIN_SLACK_SECONDS: '3' }
  const twin = { ...threeSlots, ...lease, WORKER_CONCURRENCY: '1', WORKER_ID: 'twin' }
  const one = { ...fleet.start('one', twin), name: 'twin' }
  const job = await send()
  await midEncode(fleet, one, job)
  const running = await encodersOf('twin', job.jobId)

  const other = fleet.start('other', twin)
  await other.logged((each) => each.msg === 'worker is up')
  expect(
    other.log().filter(({ msg }) => msg.startsWith('another worker has the same WORKER_ID')),
  ).toHaveLength(1)
  expect(other.log().some((each) => each.msg === 'swept what a killed predecessor left')).toBe(false)
  expect(await encodersOf('twin', job.jobId)).toEqual(running)
  // Its message comes a second time, and to the other one.
  const [message] = await fleet.stack.sqs.messages('academy-video-jobs')
  await fleet.stack.send(message!.body)
  await line(other, job, 'the job is with another worker')
  for (const { pid } of running) signal(pid, 'SIGCONT')
  await settled(one, job, 'done')

  const jobs = [job, await send(tiny), await send(tiny)]
  const ended = (each: FaultJob) =>
    [...one.log(), ...other.log()].some(
      (at) => at.msg === 'job settled' && at.outcome === 'done' && at.job === each.jobId,
    )
  await fleet.until('all are done', () => jobs.every(ended))
  const starts = [...one.log(), ...other.log()].filter((each) => each.msg === 'job started')
  expect(starts).toHaveLength(jobs.length)
  await expectKept(fleet, { jobs: jobs.map((each) => ({ job: each, end: 'complete' })), workers: ['twin'] })
})
