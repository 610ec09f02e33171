import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { WorkerError } from '../../../shared/errors.ts'
import { planKey } from '../../../shared/keys.ts'
import { createLogger } from '../../../shared/logger.ts'
import { isCopy, openLedger, type Plan } from '../../../worker/chunk/ledger.ts'
import { missingParts } from '../../../worker/chunk/parts.ts'
import { writeRecord } from '../../../worker/chunk/record.ts'
import { silentBucket, storePlan, successor } from '../../../worker/job/plan.ts'
import { FileStorage } from './file-storage.ts'

const folder = 'tenants/1/video/hls/2/job/'
const { signal } = new AbortController()
const context = { signal, logger: createLogger({ level: 'silent', pretty: false }, {}) }
const options = { contentType: 'application/json', signal }
let dir = ''
let storage: FileStorage
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'plan-test-'))
  storage = new FileStorage(dir)
})
afterEach(() => rm(dir, { recursive: true, force: true }))

const planOf = (etag: string, jobId = 'mine') =>
  ({ jobId, source: { key: 'k', bytes: 1, etag }, series: '' }) as unknown as Omit<Plan, 'version'>
const store = (etag: string) => storePlan(planOf(etag), openLedger(storage, folder), context)

describe('a plan', () => {
  test('that another worker wrote first for the same source counts', async () => {
    await openLedger(storage, folder).writePlan(planOf('"1"', 'theirs'), signal)
    expect(await store('"1"')).toMatchObject({ jobId: 'theirs' })
  })

  test.each([
    ['another release', JSON.stringify({ ...planOf('"1"'), version: 0 })],
    ['another source', writeRecord(planOf('"2"')).text],
    ['a broken write', '{"version": 1, "jobId'],
    ['nobody', 'null'],
  ])('of %s does not stand in the way for ever, and goes with what was made from it', async (_, text) => {
    await storage.put(planKey(folder), text, options)
    await storage.put(`${folder}720p/seg-00000.m4s`, 'old', options)
    expect(await store('"1"')).toMatchObject({ jobId: 'mine', version: 1 })
    const keys: string[] = []
    for await (const { key } of storage.list(folder)) keys.push(key)
    expect(keys).toEqual([planKey(folder)])
    expect(await openLedger(storage, folder).readPlan(signal)).toMatchObject({ jobId: 'mine' })
  })
})

describe('a plan that follows another', () => {
  const grid = { chunks: [{ index: 0 }] }
  const shared = (etag: string) =>
    ({ ...planOf(etag), grid, profile: {}, facts: { audio: [] } }) as unknown as Plan

  test('does not take for its own what is stored late by the one before it', async () => {
    const ledger = openLedger(storage, folder)
    const late = await ledger.writePlan(shared('"1"'), signal)
    expect(await storePlan(shared('"2"'), ledger, context)).toMatchObject({ source: { etag: '"2"' } })
    const next = (await ledger.readPlan(signal))!
    await ledger.writeChunk(late!, { index: 0, tracks: {}, sheets: [], encodeSeconds: 1 }, signal)
    const present = await ledger.present(signal)
    expect(missingParts(next, present)).toEqual([{ type: 'chunk', index: 0 }])
    expect(await ledger.readChunk(next, 0, present, signal)).toBeUndefined()
    expect(await ledger.readChunk(late!, 0, present, signal)).toMatchObject({ index: 0 })
  })

  test('has names of its own for each source and each key, the same whoever plans it, and says whether it copies', () => {
    const keyed = (check: string) => ({
      ...shared('"1"'),
      encryption: { method: 'aes-128', uri: 'u', check },
    })
    const plans = [shared('"1"'), shared('"2"'), keyed('a'), keyed('b')] as Plan[]
    const series = plans.map((plan) => successor(plan).series)
    expect(new Set(series).size).toBe(4)
    for (const each of series) expect(each).toMatch(/^[0-9a-f]{8}-$/)
    expect(successor(successor(plans[0]!)).series).toBe(series[0])
    const copy = successor({ ...plans[0]!, series: 'copy-' })
    expect([isCopy(copy), isCopy(successor(plans[0]!))]).toEqual([true, false])
    expect(copy.series).toMatch(/^[0-9a-f]{8}-copy-$/)
  })
})

describe('a probe that ran out of time', () => {
  const timeout = new WorkerError('probe_timeout', 'x')

  test('while the bucket was silent is the bucket’s doing', () => {
    expect(silentBucket({ waitedMs: () => 40_000 }, timeout)).toMatchObject({
      ...{ code: 'storage_unavailable', message: expect.stringContaining('40 s'), cause: timeout },
    })
  })

  test('while the bucket answered is not', () => {
    expect(silentBucket({ waitedMs: () => 300 }, timeout)).toBeUndefined()
    expect(silentBucket({ waitedMs: () => 40_000 }, new WorkerError('no_video', 'x'))).toBeUndefined()
  })
})
