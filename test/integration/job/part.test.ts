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

/** The part ends its job; resolves to what was done with the job's folder, and to the record's state just then. */
async function giveUp(): Promise<string[]> {
  const done: string[] = []
  const parent = {
    identity,
    fail: async () => done.push(`told, ${await records.state(identity)}`) && 'accepted',
    sweep: async (state: string) => void done.push(`swept as ${state}, ${await records.state(identity)}`),
    status: () => ({}),
  } as unknown as VideoWork
  const part = partWork(message, parent, { records, owner: 'w' } as unknown as PartPorts)
  await part.giveUp!('cancelled', cancelled, signal)
  return done
}

test('what another part stored while this one ended the job is removed once the job has ended', async () => {
  const claim = await records.claim(identity, {
    ...{ owner: 'w', leaseMs: 60_000, messageId: 'm', sentMs: 0, counted: true },
  })
  if (claim.verdict === 'yours') await records.fanOut(identity, claim.token)
  expect(await giveUp()).toEqual(['told, running', 'swept as cancelled, cancelled'])
})

test('a job that was shared while Redis was away leaves the backlog when a part ends it', async () => {
  await redis.set(backlogKey(tenant), '3', 1000)
  await giveUp()
  expect(await redis.get(backlogKey(tenant))).toBe('2')
  await giveUp()
  expect(await redis.get(backlogKey(tenant))).toBe('2')
})
