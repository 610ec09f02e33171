import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { makeClip, makeLongClip } from '../fleet/clips.ts'
import { type Fleet, type FleetWorker, openFleet } from '../fleet/harness.ts'
import type { Leeway } from '../strict-sqs/chance.ts'
import type { StrictServer } from '../strict-sqs/server.ts'
import { chunked, expectKept, type FaultJob, line, midEncode, sendJob, settled } from './promises.ts'
import { encoded, starts, thaw } from './queue-faults.ts'

// A message comes twice, or late, or not at all, and handles grow stale: what SQS may do with one that is in hand.
const tenantId = 22
const leaseMs = 24_000
const jobsQueue = 'academy-video-jobs'

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
  sqs.model.dice.calm()
  fleet.stack.api.faults.clear()
  await fleet.stopWorkers()
})
afterAll(() => fleet?.close())

const send = (clip: string) => sendJob(fleet, clip, { tenantId, videoId: ++videoId })
const kept = (jobs: FaultJob[], ...workers: FleetWorker[]) =>
  expectKept(fleet, {
    jobs: jobs.map((job) => ({ job, end: 'complete' })),
    workers: workers.map(({ name }) => name),
  })
const isDone = (worker: FleetWorker, { jobId }: FaultJob) =>
  worker.log().some((each) => each.msg === 'job settled' && each.job === jobId && each.outcome === 'done')
const leeway = (told: Partial<Leeway>) => {
  sqs.model.dice.leeway = { ...sqs.model.dice.leeway, ...told }
}
/** Deliveries of the job's message so far, heard or not. */
const received = ({ jobId }: FaultJob) =>
  sqs.traffic.filter(({ what, body }) => what === 'received' && body.includes(jobId)).length
const bodyOf = ({ jobId }: FaultJob) =>
  sqs.traffic.find(({ what, body }) => what === 'sent' && body.includes(jobId))!.body
/** Both of them up, so that the second delivery of a message finds a free slot. */
async function startTwo(name: string): Promise<[FleetWorker, FleetWorker]> {
  const two = [1, 2].map((n) => fleet.start(`${name}-${n}`, chunked)) as [FleetWorker, FleetWorker]
  for (const worker of two) await worker.logged((each) => each.msg === 'worker is up')
  return two
}
/** Of two, the one that has the job, and the other. */
async function holderOf(job: FaultJob, two: readonly FleetWorker[]): Promise<[FleetWorker, FleetWorker]> {
  await fleet.until('the job is started', () => two.some((worker) => starts(worker, job).length > 0))
  const [one, other] = two as [FleetWorker, FleetWorker]
  return starts(one, job).length > 0 ? [one, other] : [other, one]
}

test('a message that is delivered again while its job runs is set aside, or takes the job over when the first handle is worth nothing', async () => {
  const two = await startTwo('again')
  const deliverTwice = async () => {
    const job = await send(long)
    const [holder, other] = await holderOf(job, two)
    await midEncode(fleet, holder, job)
    sqs.deliverAgain(jobsQueue, sqs.traffic.at(-1)!.messageId)
    await line(other, job, 'the job is with another worker')
    return { job, holder, other }
  }

  const obeyed = await deliverTwice()
  await thaw(obeyed.holder, obeyed.job)
  await settled(obeyed.holder, obeyed.job, 'done')
  expect(encoded(obeyed.holder, obeyed.job)).toEqual([0, 1])
  expect(starts(obeyed.other, obeyed.job)).toEqual([])
  // The delete came by a stale handle and did nothing: the message comes once more.
  sqs.advance(leaseMs + 1000)
  await fleet.until('it is deleted', async () => (await sqs.messages(jobsQueue)).length === 0)
  expect(received(obeyed.job)).toBeGreaterThanOrEqual(3)

  leeway({ staleChange: 'refused' })
  const { job, holder } = await deliverTwice()
  await settled(holder, job, 'lost')
  sqs.advance(leaseMs + 1000)
  await fleet.until('it is done', () => two.some((worker) => isDone(worker, job)))
  expect(two.flatMap((worker) => encoded(worker, job)).sort()).toEqual([0, 1])
  const second = two.flatMap((worker) => starts(worker, job)).find(({ attempt }) => attempt === 2)
  expect(second).toMatchObject({ failures: 0, crashes: 0, releases: 1 })
  await kept([obeyed.job, job], ...two)
})

describe('a message that comes again after its job has ended', () => {
  test('is deleted again, and nothing is done', async () => {
    const worker = fleet.start('undelete')
    const job = await send(short)
    await settled(worker, job, 'done')
    sqs.deliverAgain(jobsQueue, sqs.traffic.at(-1)!.messageId)
    await line(worker, job, 'a job that has ended came again')
    expect(starts(worker, job)).toHaveLength(1)
    await kept([job], worker)
  })

  test('because its job was sent twice is one of two, and the job is done once', async () => {
    const two = await startTwo('twice')
    const job = await send(short)
    await fleet.stack.send(bodyOf(job))
    await fleet.until('one of them is done', () => two.some((worker) => starts(worker, job).length > 0))
    await fleet.until('both came', () => received(job) >= 2)
    // Set aside for as long as the lease of the one that has it.
    await fleet.until('the first is gone', async () => (await sqs.messages(jobsQueue)).length <= 1)
    sqs.advance(leaseMs + 1000)
    await kept([job], ...two)
    expect(two.flatMap((worker) => starts(worker, job))).toHaveLength(1)
  })
})

test('a receive that reaches nobody: the message comes when its visibility ends, and the job’s first attempt is that', async () => {
  sqs.model.dice.demand('lostReceive')
  const worker = fleet.start('lost-receive')
  const job = await send(short)
  await fleet.until('it is received', () => received(job) === 1)
  expect(await fleet.stack.backlog(tenantId)).toBe(1)
  sqs.advance(leaseMs)
  await settled(worker, job, 'done')
  expect(starts(worker, job)).toMatchObject([{ attempt: 1, receiveCount: 2 }])
  await kept([job], worker)
})

describe('a visibility that ended unseen while the job runs', () => {
  test('is taken back by the next beat, or does no harm, or costs the lease, whichever SQS makes of that beat', async () => {
    const worker = fleet.start('lapsed', chunked)
    const jobs: FaultJob[] = []
    for (const lateChange of ['obeyed', 'ignored', 'refused'] as const) {
      leeway({ lateChange })
      const job = await send(long)
      await midEncode(fleet, worker, job)
      // Its only slot is busy: nobody receives.
      sqs.advance(leaseMs)
      if (lateChange === 'refused') await settled(worker, job, 'lost')
      await thaw(worker, job)
      await settled(worker, job, 'done')
      expect(starts(worker, job)).toHaveLength(lateChange === 'refused' ? 2 : 1)
      expect(starts(worker, job).at(-1)).toMatchObject({ failures: 0, crashes: 0 })
      expect(encoded(worker, job)).toEqual([0, 1])
      jobs.push(job)
    }
    await kept(jobs, worker)
  })

  test('is no hindrance to the delete, however late', async () => {
    const { remove: goOn } = fleet.stack.api.faults.failNext({ operation: 'complete' }, { delayMs: 20_000 })
    const worker = fleet.start('late-delete', { LEASE_BEAT_SECONDS: '10' })
    const job = await send(short)
    await line(worker, job, 'job finished, reporting')
    sqs.advance(leaseMs)
    expect(await sqs.counts(jobsQueue)).toEqual({ waiting: 1, inFlight: 0, delayed: 0 })
    goOn()
    await settled(worker, job, 'done')
    expect(received(job)).toBe(1)
    await kept([job], worker)
  })
})

describe('a message that grew older than the queue keeps them', () => {
  // Two weeks, as the fleet's own queue.
  const retentionMs = 14 * 24 * 3_600_000

  test('before anybody received it leaves a job that waits: nothing is told, and the job is done when it is sent again', async () => {
    const letGo = fleet.holdQueue()
    const worker = fleet.start('expired')
    const job = await send(short)
    const body = bodyOf(job)
    sqs.advance(retentionMs)
    letGo()
    await nothingHappened(job)
    await fleet.stack.send(body)
    await settled(worker, job, 'done')
    await kept([job], worker)
  })

  test('while its job runs takes the lease: the job waits with its chunks, and goes on when it is sent again', async () => {
    const worker = fleet.start('expired-in-hand', chunked)
    const job = await send(long)
    const body = bodyOf(job)
    await midEncode(fleet, worker, job)
    sqs.advance(retentionMs)
    await settled(worker, job, 'lost')
    await nothingHappened(job)
    await fleet.stack.send(body)
    await settled(worker, job, 'done')
    expect(encoded(worker, job)).toEqual([0, 1])
    expect(starts(worker, job).at(-1)).toMatchObject({ failures: 0, crashes: 0 })
    await kept([job], worker)
  })

  /** No message, no word to anybody, nothing for a viewer, and the backlog says that somebody waits. */
  async function nothingHappened(job: FaultJob): Promise<void> {
    const { stack } = fleet
    expect(await stack.queueCounts()).toEqual({ waiting: 0, inFlight: 0, delayed: 0, dead: 0 })
    const calls = stack.api.calls.filter(
      ({ jobId, name }) => jobId === job.jobId && /complete|fail/.test(name),
    )
    expect(calls).toEqual([])
    expect(stack.s3.keys(job.prefix).filter((key) => key.endsWith('.m3u8'))).toEqual([])
    expect(await stack.backlog(tenantId)).toBe(1)
  }
})
