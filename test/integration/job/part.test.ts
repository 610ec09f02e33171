import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals'
import { WorkerError } from '../../../shared/errors.ts'
import { type JobRecords, openJobRecords } from '../../../shared/jobs.ts'
import { backlogKey, jobRecordKey } from '../../../shared/keys.ts'
import type { PartMessage } from '../../../shared/messages.ts'
import { openRedis, type RedisPort } from '../../../shared/redis.ts'
import { type PartPorts, partWork } from '../../../worker/job/part.ts'
import type { VideoWork } from '../../../worker/job/work.ts'
import { startRedis } from '../../local/redis-server.ts'

const signal = new AbortController().signal
const tenant = 7
const identity = { jobId: 'a', backlogTenant: tenant, video: { tenantId: tenant, videoId: 1 } }
const message = { kind: 'part', jobId: 'a/chunk-0', part: { type: 'chunk', index: 0 } } as PartMessage
const cancelled = new WorkerError('cancelled', 'x')

let dir: string
let server: Awaited<ReturnType<typeof startRedis>>
let redis: RedisPort
let records: JobRecords

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'part-test-'))
  server = await startRedis({ dir })
  redis = openRedis({ host: server.host, port: server.port, password: '', db: 0, tls: false })
  records = openJobRecords(redis)
})
afterAll(async () => {
  redis?.close()
  await server?.close()
  await rm(dir, { recursive: true, force: true })
})
beforeEach(() => redis.delete(backlogKey(tenant), jobRecordKey('a')))

interface End {
  /** Given up, not cancelled. */
  readonly dead?: boolean
  /** Its job is in the bucket, whatever Redis knows. */
  readonly published?: boolean
  fail?(): Promise<never>
}

/** The part ends its job; what was done with the job and its folder, in order, and the record's state just then. */
async function giveUp(
  { dead = false, published = false, fail }: End = {},
  done: string[] = [],
): Promise<string[]> {
  const say = async (what: string) => void done.push(`${what}, ${await records.state(identity)}`)
  const parent = {
    identity,
    rememberCancel: () => say('cancel remembered'),
    fail: fail ?? (async () => (await say('told')) ?? 'accepted'),
    sweep: (state: string) => say(`swept as ${state}`),
    isPublished: async () => published,
    status: () => ({}),
  } as unknown as VideoWork
  const part = partWork(message, parent, { records, owner: 'w' } as unknown as PartPorts)
  if (dead) await part.giveUp!('dead', new WorkerError('encode_failed', 'x'), signal, () => say('parked'))
  else await part.giveUp!('cancelled', cancelled, signal)
  return done
}

async function claimJob() {
  const claim = await records.claim(identity, {
    ...{ owner: 'other', leaseMs: 60_000, messageId: 'm', sentMs: 0, counted: true },
  })
  if (claim.verdict !== 'yours') throw new Error(claim.verdict)
  return claim
}

test('what another part stored while this one ended the job is removed once the job has ended', async () => {
  await records.fanOut(identity, (await claimJob()).token)
  const done = ['cancel remembered, running', 'told, running', 'swept as cancelled, cancelled']
  expect(await giveUp()).toEqual(done)
})

test('a job that a part gives up is kept in the dead-letter queue, once the API knows and before its record ends', async () => {
  const done = ['told, running', 'parked, running', 'swept as dead, dead']
  expect(await giveUp({ dead: true })).toEqual(done)
  // Another part that is given up behind it, or one that came twice.
  expect(await giveUp({ dead: true })).toEqual(['swept as dead, dead'])
})

test('as long as somebody has the job, a part that is given up removes nothing of it and parks nothing', async () => {
  const { token } = await claimJob()
  const done: string[] = []
  await expect(giveUp({ dead: true }, done)).rejects.toMatchObject({ code: 'job_busy' })
  await records.finish(identity, token, { state: 'done', status: {}, revivable: false })
  await giveUp({ dead: true }, done)
  expect(done).toEqual(['swept as done, done'])
})

test('a part that came again behind its job’s video does not fail the job, of whose end Redis knows nothing', async () => {
  await records.fanOut(identity, (await claimJob()).token)
  expect(await giveUp({ dead: true, published: true })).toEqual([])
  expect(await records.state(identity)).toBe('fanned')
  // Who cancels does not want the video.
  expect(await giveUp({ published: true })).toContain('swept as cancelled, cancelled')
})

test('an API that is away keeps the job from its end, one that refuses its last word does not', async () => {
  const failing = (code: 'api_unavailable' | 'api_refused') => async (): Promise<never> => {
    throw new WorkerError(code, 'x')
  }
  const done: string[] = []
  const away = giveUp({ dead: true, fail: failing('api_unavailable') }, done)
  await expect(away).rejects.toMatchObject({ code: 'api_unavailable' })
  expect([done, await records.state(identity)]).toEqual([[], 'fanned'])
  await giveUp({ dead: true, fail: failing('api_refused') }, done)
  expect(done).toEqual(['parked, running', 'swept as dead, dead'])
})

test('a job that was shared while Redis was away leaves the backlog when a part ends it', async () => {
  await redis.set(backlogKey(tenant), '3', 1000)
  await giveUp()
  expect(await redis.get(backlogKey(tenant))).toBe('2')
  await giveUp()
  expect(await redis.get(backlogKey(tenant))).toBe('2')
})
