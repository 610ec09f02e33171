import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { retry } from '../../../shared/backoff.ts'
import { jobRecordKey, reconcileKey, sentPartsKey } from '../../../shared/keys.ts'
import { findings } from '../../../shared/reconcile/find.ts'
import type { Repair } from '../../../shared/reconcile/finding.ts'
import { readRecord } from '../../../shared/reconcile/records.ts'
import { repair } from '../../../shared/reconcile/repair.ts'
import { sleep } from '../../../shared/time.ts'
import { names } from '../../local/stack-env.ts'
import { brief, counter, type Job, type Lab, mend, openLab, tenantId } from './harness.ts'

let lab: Lab
beforeAll(async () => {
  lab = await openLab()
})
afterEach(() => lab.clear())
afterAll(() => lab?.close())

/** As after a purge of the queue: the record waits, counted, for a message that is gone. */
async function lostJob(): Promise<Job> {
  const job = await lab.job()
  await lab.stack.redisClient.incr(counter)
  const token = await lab.claim(job)
  await lab.records.release(job.identity, token, 'releases')
  return job
}
const record = (job: Job) => lab.stack.redisClient.hgetall(jobRecordKey(job.jobId))

describe('a job whose message is lost', () => {
  test('is sent again as it was, once, and only when asked to', async () => {
    const job = await lostJob()
    const world = lab.world()
    const found = await lab.find(world)
    expect(brief(found)).toEqual([`job_without_message ${job.jobId} send`])
    expect(found[0]!.evidence).toMatchObject({ state: 'waiting', proof: 'empty', queue: '0+0+0' })

    const before = await lab.everything()
    const dry = await repair(found, world, { signal: lab.signal })
    expect(dry.map(({ result }) => result)).toEqual(['would'])
    expect(await lab.everything()).toEqual(before)

    expect(await mend(found, world)).toEqual(['repaired'])
    expect(await lab.messages()).toEqual([job.body])
    expect(await mend(found, world)).toEqual(['changed'])
    expect(await lab.messages()).toEqual([job.body])
    expect(await lab.stack.backlog(tenantId)).toBe(1)
    expect(brief(await lab.find(world))).toEqual([])
  })

  test('and whose worker died with it, is counted in the backlog again, and as a crash', async () => {
    const job = await lab.job()
    await lab.stack.redisClient.incr(counter)
    await lab.claim(job, 1)
    const world = lab.world()
    const found = await lab.find(world, 'jobs')
    expect(brief(found)).toEqual([`job_without_message ${job.jobId} send`])
    expect(await mend(found, world)).toEqual(['repaired'])
    expect(await record(job)).toMatchObject({ state: 'waiting', waiting: '1', crashes: '1' })
    expect(await lab.stack.backlog(tenantId)).toBe(1)
    // Its message takes it out again, without another crash.
    await lab.claim(job)
    expect(await record(job)).toMatchObject({ crashes: '1' })
    expect(await lab.stack.backlog(tenantId)).toBe(0)
  })

  test('and that is shared over the fleet, is told to look after its parts', async () => {
    const job = await lab.job()
    const token = await lab.claim(job)
    await lab.records.fanOut(job.identity, token)
    const part = { ...job.identity, jobId: `${job.jobId}/chunk-0`, parent: job.identity }
    await lab.records.enqueue(part, 1000)
    const world = lab.world()
    const found = await lab.find(world, 'jobs')
    expect(brief(found)).toEqual([`job_unjoined ${job.jobId} send`])
    expect(found[0]!.evidence).toMatchObject({ openParts: 1 })
    await lab.records.claim(part, { owner: 'o', leaseMs: 60_000, messageId: 'm', sentMs: 0, counted: false })
    expect(brief(await lab.find(world, 'jobs'))).toEqual([])
  })

  test('is left alone while a lease on it runs, and after its end', async () => {
    const [held, ended] = [await lab.job(), await lab.job()]
    await lab.claim(held)
    await lab.records.finish(ended.identity, await lab.claim(ended), { state: 'done', status: {} })
    const world = lab.world({ backstopSeconds: -1 })
    expect(brief(await lab.find(world, 'jobs'))).toEqual([])
    // Even if somebody says that they were found.
    const { updated, leaseUntil } = (await readRecord(world.redis, held.jobId))!
    const { jobId, body } = held
    const found = { state: 'running', updated }
    const repairs: Repair[] = [
      { type: 'send', jobId, body, groupId: 'g', counter, found, againSeconds: 9 },
      { type: 'put_back', jobId, counter, leaseUntil },
    ]
    const forged = repairs.map((each) => ({
      ...{ code: 'job_stalled' as const, what: jobId, ageSeconds: 0, evidence: {}, reason: '', repair: each },
    }))
    expect(await mend(forged, world)).toEqual(['changed', 'changed'])
    expect(await lab.messages()).toEqual([])
  })

  test('is taken up by a worker between the finding and the repair: nothing is done', async () => {
    const job = await lostJob()
    const world = lab.world()
    const found = await lab.find(world, 'jobs')
    await lab.claim(job)
    expect(await mend(found, world)).toEqual(['changed'])
    expect(await lab.messages()).toEqual([])
  })

  test('is tried again when the queue did not take it', async () => {
    const job = await lostJob()
    const world = lab.world()
    const found = await lab.find(world, 'jobs')
    lab.stack.sqs.faults.failNext({ operation: 'SendMessage' }, { status: 400, code: 'InvalidAddress' })
    expect(await mend(found, world)).toEqual(['failed'])
    expect(await mend(found, world)).toEqual(['repaired'])
    expect(await lab.messages()).toEqual([job.body])
  })

  test('cannot be sent when a worker of an older release wrote its record', async () => {
    const job = await lostJob()
    await lab.stack.redisClient.hdel(jobRecordKey(job.jobId), 'body')
    expect(brief(await lab.find(lab.world(), 'jobs'))).toEqual([`job_without_message ${job.jobId} nothing`])
  })
})

test('a job whose worker is gone and whose message waits is counted again, once', async () => {
  const job = await lab.job()
  await lab.stack.send(job.body)
  await lab.stack.redisClient.incr(counter)
  await lab.claim(job, 1)
  const world = lab.world()
  const found = await lab.find(world, 'jobs')
  expect(brief(found)).toEqual([`job_stalled ${job.jobId} put_back`])
  expect(await mend(found, world)).toEqual(['repaired'])
  expect(await mend(found, world)).toEqual(['changed'])
  expect(await lab.stack.backlog(tenantId)).toBe(1)
  expect(await record(job)).toMatchObject({ state: 'waiting', crashes: '1' })
})

test('a part whose job has ended leaves the backlog, once', async () => {
  const job = await lab.job()
  const part = { ...job.identity, jobId: `${job.jobId}/chunk-0`, parent: job.identity }
  await lab.stack.redisClient.incr(counter)
  const token = await lab.claim(job)
  await lab.records.enqueue(part, 1000)
  // The list of its parts was lost.
  await lab.stack.redisClient.del(sentPartsKey(job.jobId))
  await lab.records.finish(job.identity, token, { state: 'done', status: {} })
  expect(await lab.stack.backlog(tenantId)).toBe(1)
  const world = lab.world()
  const found = await lab.find(world)
  // The recount agrees with the counter: only the part itself is wrong.
  expect(brief(found)).toEqual([`part_left ${part.jobId} end_part`])
  expect(await mend(found, world)).toEqual(['repaired'])
  expect(await mend(found, world)).toEqual(['changed'])
  expect(await lab.stack.backlog(tenantId)).toBe(0)
  // Its message was only late: it finds its end.
  const late = await lab.records.claim(part, {
    owner: 'o',
    leaseMs: 1000,
    messageId: 'm',
    sentMs: 0,
    counted: false,
  })
  expect(late).toEqual({ verdict: 'settled', state: 'cancelled' })
})

describe('one repairs at a time', () => {
  test('the other is told so', async () => {
    await lostJob()
    const world = lab.world()
    const found = await lab.find(world, 'jobs')
    await lab.stack.redisClient.set(reconcileKey('lock'), 'somebody', 'PX', 60_000)
    await expect(mend(found, world)).rejects.toMatchObject({ code: 'reconcile_busy' })
    expect(await lab.messages()).toEqual([])
    // A dry run disturbs nobody.
    expect((await repair(found, world, { signal: lab.signal })).map(({ result }) => result)).toEqual([
      'would',
    ])
  })

  test('two at the same moment send one message, and leave no lock', async () => {
    await Promise.all([lostJob(), lostJob(), lostJob()])
    const world = lab.world()
    const found = await lab.find(world, 'jobs')
    const ends = await Promise.allSettled([mend(found, world), mend(found, world)])
    expect(ends.filter(({ status }) => status === 'fulfilled').length).toBeGreaterThan(0)
    expect(new Set(await lab.messages()).size).toBe(3)
    expect(await lab.messages()).toHaveLength(3)
    expect(await lab.stack.redisClient.exists(reconcileKey('lock'))).toBe(0)
  })

  test('a lock whose holder died ends by itself', async () => {
    await lostJob()
    const world = lab.world()
    const found = await lab.find(world, 'jobs')
    await lab.stack.redisClient.set(reconcileKey('lock'), 'dead', 'PX', 30)
    await sleep(60, { signal: lab.signal })
    expect(await mend(found, world)).toEqual(['repaired'])
  })
})

test('one run repairs no more than it may', async () => {
  await Promise.all([lostJob(), lostJob(), lostJob()])
  const world = lab.world({ repairs: 2 })
  const found = await lab.find(world, 'jobs')
  expect(await mend(found, world)).toEqual(['repaired', 'repaired', 'left'])
})

describe('where the truth cannot be learned', () => {
  test('of the queue, jobs and counters are left', async () => {
    await lostJob()
    await lab.stack.redisClient.set(counter, 40)
    lab.stack.sqs.faults.failNext(
      { operation: 'GetQueueAttributes' },
      { status: 403, code: 'AccessDenied', times: 9 },
    )
    const found = await findings(lab.world(), { signal: lab.signal })
    expect(brief(found)).toEqual(['unknown queue nothing'])
    expect(found[0]!.reason).toMatch(/^config_invalid: SQS refuses/)
    expect(await mend(found, lab.world())).toEqual(['left'])
  })

  test('of the bucket, the rest is found all the same', async () => {
    const job = await lostJob()
    lab.stack.s3.faults.failNext({ operation: 'ListObjectsV2' }, { status: 403, times: 9 })
    lab.stack.s3.faults.failNext({ operation: 'ListMultipartUploads' }, { status: 403, times: 9 })
    const found = await lab.find(lab.world())
    expect(brief(found)).toEqual([
      `job_without_message ${job.jobId} send`,
      'unknown bucket nothing',
      'unknown uploads nothing',
    ])
  })

  test('of more records than one run reads, no counter is judged', async () => {
    await Promise.all([lostJob(), lostJob()])
    await lab.stack.redisClient.set(counter, 40)
    const found = await lab.find(lab.world({ records: 1 }), 'counters')
    expect(brief(found)).toEqual(['unknown records nothing'])
  })

  test('of Redis, nothing is found and nothing repaired', async () => {
    const job = await lostJob()
    const world = lab.world()
    const found = await lab.find(world, 'jobs')
    await lab.stack.redis.kill()
    expect(brief(await findings(world, { signal: lab.signal }))).toEqual([
      'unknown queue nothing',
      'unknown redis nothing',
    ])
    await expect(mend(found, world)).rejects.toMatchObject({ code: 'redis_unavailable' })
    expect(await lab.messages()).toEqual([])
    await lab.stack.redis.restart()
    // It came back empty: nobody remembers the job, and nothing is done to it.
    const back = { tries: 60, base: 0.2, cap: 1, signal: lab.signal }
    expect(brief(await retry(() => lab.find(world, 'jobs'), back))).toEqual([])
    expect(await mend(found, world)).toEqual(['changed'])
    expect((await lab.stack.sqs.messages(names.queue)).length + (await lab.keys(job.folder)).length).toBe(0)
  })
})
