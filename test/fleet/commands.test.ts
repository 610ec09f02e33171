/** The operators' commands against a real worker: what they say of it, and what it does when they are given. */
import { randomUUID } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { FleetStatus } from '../../deploy/commands/status-view.ts'
import { commandLine } from '../local/commands.ts'
import { makeLongClip } from './clips.ts'
import { type Fleet, type FleetWorker, openFleet } from './harness.ts'

const tenant = 7
/** Many short chunks: a job that can be looked at and cancelled in the middle. One failure is the last. */
const chunked = { CHUNK_SECONDS: '2', HLS_TIME_SECONDS: '2', VIDEO_JOB_MAX_ATTEMPTS: '1' }

let fleet: Fleet
let run: ReturnType<typeof commandLine>
let clip: string
let worker: FleetWorker
let videoId = 0
beforeAll(async () => {
  fleet = await openFleet()
  run = commandLine(fleet.stack.env())
  clip = await makeLongClip(fleet.dir, 8, '320x180')
  worker = fleet.start('one', { ...chunked, FANOUT: 'never' })
  await worker.logged((line) => line.msg === 'worker is up')
})
afterAll(() => fleet?.close())

/** A job as an operator sends it. key: of a source that is there, or is not. */
async function enqueue(key: string, ...flags: string[]) {
  videoId += 1
  const jobId = randomUUID()
  fleet.stack.api.rows.addVideo({ id: videoId, tenantId: tenant, fileKey: key, jobId })
  const args = ['enqueue', key, '--video', String(videoId), '--job-id', jobId, ...flags]
  const { exit, err } = await run(args)
  expect([exit, err]).toEqual([0, ''])
  return { jobId, videoId, key }
}
const upload = () => fleet.stack.upload(clip, { tenantId: tenant, name: 'a.mp4' })
/** Of a job that lasts longer than a worker's reports are apart, however fast the machine is. */
async function slowly(): Promise<string> {
  const key = await upload()
  fleet.stack.s3.faults.failNext({ operation: 'PutObject', key: /\.m4s$/ }, { delayMs: 5_000 })
  return key
}
const seen = async (): Promise<FleetStatus> => (await run(['status', '--json'])).json
const settled = (jobId: string, by = worker) =>
  by.logged((line) => line.msg === 'job settled' && line.job === jobId && line.part === undefined)
const empty = { waiting: 0, inFlight: 0, delayed: 0, dead: 0 }
const callsOf = (jobId: string) =>
  fleet.stack.api.calls
    .filter((call) => call.jobId === jobId && ['complete', 'fail'].includes(call.name))
    .map((call) => call.name)

describe('a job that is sent by hand', () => {
  test('is seen while it runs, and done', async () => {
    const job = await enqueue(await slowly())
    let status: FleetStatus | undefined
    await fleet.until('the worker tells of its job', async () => {
      status = await seen()
      return status.workers?.[0]?.slots[0]?.state === 'busy'
    })
    expect(status).toMatchObject({
      workers: [
        { workerId: 'one', state: 'running', slots: [{ jobId: job.jobId, kind: 'transcode', attempt: 1 }] },
      ],
      jobs: [{ jobId: job.jobId, state: 'running', worker: 'one', tenantId: tenant, videoId: job.videoId }],
      ...{ backlog: { total: 0, tenants: {} }, queue: { inFlight: 1 }, deadLetters: { count: 0 } },
    })
    expect(status!.jobs![0]!.leaseLeftSeconds).toBeGreaterThan(0)
    const shown = await run(['job', 'show', job.jobId, '--json'])
    expect(shown.json).toMatchObject({ state: 'running', fileKey: job.key, status: { status: 'PROCESSING' } })
    expect((await settled(job.jobId)).outcome).toBe('done')
    await fleet.until(
      'the fleet is idle',
      async () => (await seen()).workers?.[0]?.slots[0]?.state === 'idle',
    )
    expect(await seen()).toMatchObject({ jobs: [], ended: { done: 1, dead: 0, cancelled: 0 } })
    expect([await fleet.stack.queueCounts(), await fleet.stack.backlog(tenant)]).toEqual([empty, 0])
    expect(callsOf(job.jobId)).toEqual(['complete'])
  })

  test('is cancelled in the middle of its encode', async () => {
    const { jobId } = await enqueue(await slowly())
    await worker.logged((line) => line.msg === 'chunk encoded' && line.job === jobId)
    expect(await run(['job', 'cancel', jobId])).toMatchObject({ exit: 77 })
    expect(await run(['job', 'cancel', jobId, '--yes'])).toMatchObject({ exit: 0 })
    expect((await settled(jobId)).outcome).toBe('cancelled')
    expect(callsOf(jobId)).toEqual(['fail'])
    expect(await run(['job', 'cancel', jobId, '--yes'])).toMatchObject({ exit: 1 })
  })

  test('is cancelled while it waits, however long that takes', async () => {
    const resume = fleet.holdQueue()
    // A poll that was open before still brings what is sent.
    await worker.logged((line) => line.msg === 'the queue could not be polled')
    const { jobId } = await enqueue(await upload())
    expect(await run(['job', 'cancel', jobId, '--yes'])).toMatchObject({ exit: 0 })
    expect((await seen()).jobs).toMatchObject([{ jobId, state: 'waiting', cancelAsked: true }])
    // The request that the API would have made has been forgotten by then.
    await fleet.stack.redisClient.del(`tenant:${tenant}:video:${videoId}:cancel_requested`)
    resume()
    expect((await settled(jobId)).outcome).toBe('cancelled')
    expect([await fleet.stack.queueCounts(), await fleet.stack.backlog(tenant)]).toEqual([empty, 0])
    // Wanted after all.
    expect(await run(['job', 'retry', jobId])).toMatchObject({ exit: 0 })
    await fleet.stack.waitFor(jobId, { signal: AbortSignal.timeout(200_000) })
    await fleet.until('it is done', async () => callsOf(jobId).at(-1) === 'complete')
    await fleet.until('it is settled', async () => (await seen()).jobs?.length === 0)
  })
})

describe('a job that was given up', () => {
  test('lies in the dead-letter queue, and is redriven once its cause is mended', async () => {
    const key = `tenants/${tenant}/video/raw/${randomUUID()}/a.mp4`
    const { jobId } = await enqueue(key, '--unchecked')
    expect((await settled(jobId)).outcome).toBe('failed')
    const { json } = await run(['dlq', 'list', '--reason', 'input_missing', '--json'])
    expect(json.messages).toMatchObject([{ jobId, tenantId: tenant, code: 'input_missing', part: null }])
    await fleet.stack.storage.putFile(key, clip, { contentType: 'video/mp4', signal: fleet.signal })
    expect(await run(['dlq', 'redrive', '--reason', 'input_missing', '--json'])).toMatchObject({
      json: { sent: 1 },
    })
    await fleet.until('it is done', () => callsOf(jobId).at(-1) === 'complete')
    const started = worker.log().findLast((line) => line.msg === 'job started' && line.job === jobId)
    expect(started).toMatchObject({ failures: 0, crashes: 0, releases: 0 })
    await fleet.until('nothing is left', async () => (await seen()).jobs?.length === 0)
    expect([await fleet.stack.queueCounts(), await fleet.stack.backlog(tenant)]).toEqual([empty, 0])
  })

  test('and is not wanted any more is dropped by its reason', async () => {
    const { jobId } = await enqueue(`tenants/${tenant}/video/raw/${randomUUID()}/a.mp4`, '--unchecked')
    await fleet.stack.send('{"broken')
    expect((await settled(jobId)).outcome).toBe('failed')
    await fleet.until('both are parked', async () => (await fleet.stack.queueCounts()).dead === 2)
    const { json } = await run(['dlq', 'drop', '--reason', 'input_missing', '--yes', '--json'])
    expect(json.dropped).toMatchObject([{ jobId }])
    expect((await run(['dlq', 'list', '--json'])).json.messages).toMatchObject([
      { code: 'poison', jobId: null },
    ])
    expect(await run(['dlq', 'drop', '--all', '--yes'])).toMatchObject({ exit: 0 })
  })

  test('or was rejected, starts over with retry', async () => {
    const nothing = join(fleet.dir, 'empty.mp4')
    await writeFile(nothing, '')
    const { jobId, key } = await enqueue(await fleet.stack.upload(nothing, { tenantId: tenant }))
    expect((await settled(jobId)).outcome).toBe('rejected')
    await fleet.stack.storage.putFile(key, clip, { contentType: 'video/mp4', signal: fleet.signal })
    expect(await run(['job', 'retry', jobId])).toMatchObject({ exit: 0 })
    await fleet.until('it is done', () => callsOf(jobId).at(-1) === 'complete')
    await fleet.until('nothing is left', async () => (await seen()).jobs?.length === 0)
    expect([await fleet.stack.queueCounts(), await fleet.stack.backlog(tenant)]).toEqual([empty, 0])
  })
})

test('drain waits until the worker is gone, and a shared video that failed in a part is made whole by another', async () => {
  const drained = await run(['drain', '--worker', 'one', '--wait', '--yes', '--json'])
  expect(drained).toMatchObject({ exit: 0, err: 'one is gone\n', json: { workers: ['one'], gone: true } })
  expect(await worker.ended).toBe('exit code 0')
  expect(await run(['drain', '--worker', 'one', '--yes'])).toMatchObject({ exit: 66 })
  expect((await seen()).workers).toEqual([])

  const second = fleet.start('two', { ...chunked, FANOUT: 'always' })
  // Nothing that its first part made is stored before the job was seen, and the source is gone for the others.
  const first = fleet.stack.s3.faults.failNext({ operation: 'PutObject', key: /\.m4s$/ }, { delayMs: 60_000 })
  const { jobId, key } = await enqueue(await upload())
  await second.logged((line) => line.msg === 'parts sent to the fleet' && line.job === jobId)
  let shared: NonNullable<FleetStatus['jobs']>[number] | undefined
  await fleet.until('it is seen as shared', async () => {
    shared = (await seen()).jobs?.find((job) => job.jobId === jobId)
    return shared?.state === 'fanned'
  })
  expect(shared).toMatchObject({ parts: { total: expect.any(Number) } })
  await fleet.stack.storage.deleteKeys([key], fleet.signal)
  first.remove()
  await fleet.until('a part is given up', async () => (await fleet.stack.queueCounts()).dead > 0)
  await fleet.until('its job has ended', async () => (await seen()).jobs?.length === 0)
  await fleet.stack.storage.putFile(key, clip, { contentType: 'video/mp4', signal: fleet.signal })

  // The job's own message: the part's alone could not start it again.
  const [parked] = (await run(['dlq', 'list', '--job', jobId, '--json'])).json.messages
  expect(parked).toMatchObject({ jobId, part: null, group: 'tenant-7' })
  const { json } = await run(['dlq', 'redrive', '--job', jobId, '--json'])
  expect(json).toMatchObject({ sent: 1 })
  await fleet.until('it is done', () => callsOf(jobId).at(-1) === 'complete')
  await fleet.until('nothing is left', async () => (await seen()).jobs?.length === 0)
  expect([(await fleet.stack.queueCounts()).dead, await fleet.stack.backlog(tenant)]).toEqual([0, 0])
})
