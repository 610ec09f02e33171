import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { type JobIdentity, type JobRecords, openJobRecords } from '../../shared/jobs.ts'
import {
  backlogKey,
  heartbeatKey,
  jobRecordKey,
  progressKey,
  sentPartsKey,
  statusKey,
} from '../../shared/keys.ts'
import { openRedis, type RedisConsole } from '../../shared/redis.ts'
import { sleep } from '../../shared/time.ts'
import { startRedis } from '../local/redis-server.ts'

const longLease = 60_000
const tenant = 7
const job: JobIdentity = { jobId: 'a', backlogTenant: tenant, video: { tenantId: tenant, videoId: 1 } }
const soon = (ms: number) => sleep(ms, { signal: new AbortController().signal })

let dir: string
let server: Awaited<ReturnType<typeof startRedis>>
let redis: RedisConsole
let records: JobRecords

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'jobs-test-'))
  server = await startRedis({ dir })
  redis = openRedis({ host: server.host, port: server.port, password: '', db: 0, tls: false })
  records = openJobRecords(redis)
})
afterAll(async () => {
  redis?.close()
  await server?.close()
  await rm(dir, { recursive: true, force: true })
})
beforeEach(async () => {
  await redis.delete(sentPartsKey('a'), ...['chunk-0', 'chunk-1'].map((name) => jobRecordKey(`a/${name}`)))
  const keys = [backlogKey(tenant), statusKey(tenant, 1), heartbeatKey(tenant, 1), progressKey(tenant, 1)]
  await redis.delete(...keys, ...['a', 'b', ...names].map(jobRecordKey))
})

const names = Array.from({ length: 12 }, (_, index) => `job-${index}`)
const claim = (owner: string, input: Partial<Parameters<JobRecords['claim']>[1]> = {}, of = job) =>
  records.claim(of, { owner, leaseMs: longLease, messageId: 'm1', sentMs: 0, counted: true, ...input })
const backlog = async () => Number((await redis.get(backlogKey(tenant))) ?? 0)
const sent = async (count: number) => redis.set(backlogKey(tenant), String(count), 1000)

async function claimed(owner: string, input: Partial<Parameters<JobRecords['claim']>[1]> = {}, of = job) {
  const answer = await claim(owner, input, of)
  if (answer.verdict !== 'yours') throw new Error(`not claimed: ${JSON.stringify(answer)}`)
  return answer
}

describe('a claim', () => {
  test('of a waiting job takes it out of the backlog once, whoever asks again', async () => {
    await sent(3)
    expect(await claim('one')).toMatchObject({ verdict: 'yours', starts: 1, failures: 0, crashes: 0 })
    expect(await claim('two')).toMatchObject({ verdict: 'busy', leftMs: expect.any(Number) })
    expect(await backlog()).toBe(2)
  })

  test('never brings the backlog below zero', async () => {
    await claim('one')
    expect(await redis.get(backlogKey(tenant))).toBeNull()
  })

  test('of a job whose lease ran out takes it over and counts a crash, with a higher token', async () => {
    await sent(1)
    const first = await claimed('one', { leaseMs: 20 })
    await soon(40)
    const second = await claimed('two')
    expect(second).toMatchObject({ starts: 2, crashes: 1 })
    expect(second.token).toBeGreaterThan(first.token)
    expect(await backlog()).toBe(0)
  })

  test('by the same delivery again, whose answer was lost or which comes late, is the same claim', async () => {
    await sent(1)
    const first = await claimed('one', { leaseMs: 10 })
    expect(await claimed('one')).toEqual(first)
    await soon(30)
    expect(await claimed('one')).toMatchObject({ token: first.token, crashes: 0 })
    expect(await records.finish(job, first.token, { state: 'done', status: {} })).toBe('ended')
  })

  test('of a job that has ended says so', async () => {
    const { token } = await claimed('one')
    await records.finish(job, token, { state: 'done', status: { status: 'READY' } })
    expect(await claim('two')).toEqual({ verdict: 'settled', state: 'done' })
  })

  test('of a job that was given up starts it anew only when an operator sent it again', async () => {
    const { token } = await claimed('one')
    await records.release(job, token, 'failures')
    const again = await claimed('one')
    await records.finish(job, again.token, { state: 'dead', status: {}, revivable: true })
    expect(await claim('two')).toEqual({ verdict: 'settled', state: 'dead' })
    // A watch or a duplicate that was sent before the last attempt is no redrive.
    expect(await claim('two', { messageId: 'watch', sentMs: Date.now() - 60_000 })).toMatchObject({
      state: 'dead',
    })
    const redriven = { messageId: 'redriven', sentMs: Date.now() + 60_000 }
    expect(await claim('two', redriven)).toMatchObject({ verdict: 'yours', failures: 0 })
  })

  test('of a rejected job stays settled, however it was sent', async () => {
    const { token } = await claimed('one')
    await records.finish(job, token, { state: 'dead', status: {} })
    const redriven = { messageId: 'redriven', sentMs: Date.now() + 60_000 }
    expect(await claim('two', redriven)).toEqual({ verdict: 'settled', state: 'dead' })
  })

  test('after Redis was wiped takes nothing from a backlog that no longer counts the job', async () => {
    await sent(5)
    await claim('one', { counted: false })
    expect(await backlog()).toBe(5)
  })
})

describe('a job that is claimed before the API has counted it', () => {
  test('is taken out of the backlog as soon as it is counted there', async () => {
    const { token } = await claimed('one')
    await sent(1)
    await records.renew(job, token, longLease)
    expect(await backlog()).toBe(0)
    await records.renew(job, token, longLease)
    expect(await backlog()).toBe(0)
  })

  test('and ends quickly, leaves nothing in the backlog', async () => {
    const { token } = await claimed('one')
    await sent(1)
    await records.finish(job, token, { state: 'done', status: {} })
    expect(await backlog()).toBe(0)
  })

  test('and ends before that, is taken out once it is counted', async () => {
    const { token } = await claimed('one')
    expect(await records.finish(job, token, { state: 'done', status: {} })).toBe('owing')
    expect(await records.payDebt(job)).toBe(false)
    await sent(1)
    expect(await records.payDebt(job)).toBe(true)
    expect(await records.payDebt(job)).toBe(true)
    expect(await backlog()).toBe(0)
  })

  test('and ends before that, is taken out by the end that is told once more since its answer was lost', async () => {
    const { token } = await claimed('one')
    await records.finish(job, token, { state: 'done', status: {} })
    await sent(1)
    expect(await records.finish(job, token, { state: 'done', status: {} })).toBe('ended')
    expect(await backlog()).toBe(0)
  })

  test('and ends before that with a worker that dies, is taken out by whoever gets its message again', async () => {
    const { token } = await claimed('one')
    await records.finish(job, token, { state: 'done', status: {} })
    await sent(1)
    await claim('two')
    expect(await backlog()).toBe(0)
  })

  test('and is given back, is counted once', async () => {
    const { token } = await claimed('one')
    await sent(1)
    await records.release(job, token, 'releases')
    expect(await backlog()).toBe(1)
    await claimed('two')
    expect(await backlog()).toBe(0)
  })

  const longAgo = () => redis.ask('hset', jobRecordKey('a'), 'owed_until', '1')

  test('and was then left alone for long, since its worker died, is taken out by the next', async () => {
    await claimed('one', { leaseMs: 1 })
    await longAgo()
    await sent(1)
    await soon(5)
    const { token } = await claimed('two')
    expect(await backlog()).toBe(0)
    await records.release(job, token, 'releases')
    expect(await backlog()).toBe(1)
  })

  test('and is not counted for long, owes nothing any more', async () => {
    const { token } = await claimed('one')
    await longAgo()
    await records.renew(job, token, longLease)
    await sent(1)
    await records.renew(job, token, longLease)
    expect(await backlog()).toBe(1)
    await records.release(job, token, 'releases')
    expect(await backlog()).toBe(2)
  })

  test('and ended long before that, takes nothing from a backlog that was corrected meanwhile', async () => {
    const { token } = await claimed('one')
    await records.finish(job, token, { state: 'done', status: {} })
    await longAgo()
    await sent(1)
    expect(await claim('two')).toEqual({ verdict: 'settled', state: 'done' })
    expect(await backlog()).toBe(1)
  })
})

describe('an owner that was overtaken', () => {
  test('can neither renew, give back, end nor write', async () => {
    await sent(1)
    const old = await claimed('one', { leaseMs: 10 })
    await soon(30)
    const owner = await claimed('two')
    await records.write(job, owner.token, progressKey(tenant, 1), 'new', 60)
    expect(await records.renew(job, old.token, longLease)).toBe('lost')
    expect(await records.release(job, old.token, 'failures')).toBe(0)
    expect(await records.finish(job, old.token, { state: 'done', status: { status: 'READY' } })).toBe('lost')
    expect(await records.write(job, old.token, progressKey(tenant, 1), 'old', 60)).toBe(false)
    expect(await redis.get(progressKey(tenant, 1))).toBe('new')
    expect(await redis.get(statusKey(tenant, 1))).toBeNull()
    expect(await backlog()).toBe(0)
  })
})

describe('the end of a job', () => {
  test('writes the status and removes the heartbeat in the same step', async () => {
    const { token } = await claimed('one')
    await records.write(job, token, heartbeatKey(tenant, 1), '1', 60)
    await records.finish(job, token, { state: 'done', status: { status: 'READY', hls_path: 'x' } })
    expect(JSON.parse((await redis.get(statusKey(tenant, 1)))!)).toEqual({ status: 'READY', hls_path: 'x' })
    expect(await redis.get(heartbeatKey(tenant, 1))).toBeNull()
  })

  test('is not undone by a write that comes late', async () => {
    const { token } = await claimed('one')
    await records.finish(job, token, { state: 'done', status: { status: 'READY' } })
    expect(await records.write(job, token, statusKey(tenant, 1), '{"status":"PROCESSING"}', 60)).toBe(false)
    expect(await redis.get(statusKey(tenant, 1))).toContain('READY')
  })
})

describe('the parts of a job', () => {
  const part = (name: string): JobIdentity => ({ ...job, jobId: `a/${name}`, parent: job })

  test('that nobody has begun leave the backlog with the end of the job, sent or not', async () => {
    await sent(1)
    const { token } = await claimed('one')
    for (const name of ['chunk-0', 'chunk-1']) expect(await records.enqueue(part(name), longLease)).toBe(true)
    await records.fanOut(job, token)
    await claimed('two', {}, part('chunk-0'))
    expect(await backlog()).toBe(1)
    const join = await claimed('three')
    await records.finish(job, join.token, { state: 'cancelled', status: {} })
    expect(await backlog()).toBe(0)
    expect(await claim('four', {}, part('chunk-1'))).toEqual({ verdict: 'settled', state: 'cancelled' })
    expect(await backlog()).toBe(0)
  })

  test('are not asked for any more when it has ended, however late the asking comes', async () => {
    const { token } = await claimed('one')
    const { token: mine } = await claimed('two', {}, part('chunk-0'))
    await records.finish(part('chunk-0'), mine, { state: 'cancelled', status: {} })
    await records.finish(job, token, { state: 'cancelled', status: {} })
    for (const name of ['chunk-0', 'chunk-1'])
      expect(await records.enqueue(part(name), longLease)).toBe(false)
    expect(await backlog()).toBe(0)
  })

  test('say nothing of the video once the job has ended', async () => {
    const { token } = await claimed('one')
    const mine = await claimed('two', {}, part('chunk-0'))
    expect(await records.write(part('chunk-0'), mine.token, statusKey(tenant, 1), 'PROCESSING', 60)).toBe(
      true,
    )
    await records.finish(job, token, { state: 'done', status: { status: 'READY' } })
    expect(await records.write(part('chunk-0'), mine.token, statusKey(tenant, 1), 'PROCESSING', 60)).toBe(
      false,
    )
    expect(await redis.get(statusKey(tenant, 1))).toContain('READY')
  })
})

test('giving a job back counts it in the backlog once, however often that is tried', async () => {
  await sent(1)
  const { token } = await claimed('one')
  expect(await records.release(job, token, 'releases')).toBe(1)
  // As the first time: its answer may have been lost.
  expect(await records.release(job, token, 'releases')).toBe(1)
  expect(await backlog()).toBe(1)
})

/** A small generator with a seed, so that a failing history can be run again. */
function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

test.each([1, 2, 3, 4])(
  'the backlog agrees with a recount after any history of claims, crashes, hand-backs and ends (seed %i)',
  async (seed) => {
    const next = random(seed)
    const jobs = names.map((name) => ({
      ...{
        identity: { jobId: name, backlogTenant: tenant } as JobIdentity,
        sent: false,
        state: 'new',
        token: 0,
      },
    }))
    let waiting = 0
    for (let step = 0; step < 250; step++) {
      const one = jobs[Math.floor(next() * jobs.length)]!
      const dice = next()
      if (!one.sent) {
        one.sent = true
        waiting += 1
        await sent((await backlog()) + 1)
      } else if (dice < 0.45) {
        const leaseMs = next() < 0.3 ? 1 : longLease
        const answer = await claim(`owner-${Math.floor(next() * 3)}`, { leaseMs }, one.identity)
        if (answer.verdict === 'yours') {
          if (one.state !== 'running') waiting -= 1
          one.state = 'running'
          one.token = answer.token
        }
      } else if (dice < 0.7) {
        // sometimes with the token of an owner that was overtaken
        const token = one.token - (next() < 0.3 ? 1 : 0)
        const given = await records.release(one.identity, token, 'failures')
        if (given > 0 && one.state === 'running') {
          one.state = 'waiting'
          waiting += 1
        }
      } else if (dice < 0.8) {
        const ended = await records.finish(one.identity, one.token, { state: 'done', status: {} })
        if (ended === 'ended') one.state = 'ended'
      }
      expect(await backlog()).toBe(waiting)
    }
  },
)

test('a part that was given up has all its attempts again when its job is started over', async () => {
  const part: JobIdentity = { jobId: 'a/chunk-1', backlogTenant: tenant, parent: job }
  expect(await records.enqueue(part, longLease)).toBe(true)
  const { token } = await claimed('one', {}, part)
  await records.release(part, token, 'failures')
  const again = await claimed('one', {}, part)
  expect(again.failures).toBe(1)
  await records.finish(part, again.token, { state: 'dead', status: {}, revivable: true })
  expect(await records.enqueue(part, longLease)).toBe(true)
  expect(await claimed('two', { messageId: 'm2' }, part)).toMatchObject({
    failures: 0,
    crashes: 0,
    releases: 0,
  })
  await redis.delete(jobRecordKey(part.jobId))
})
