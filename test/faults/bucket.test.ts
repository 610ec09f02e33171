import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import { makeClip } from '../fleet/clips.ts'
import { type Fleet, type FleetWorker, openFleet } from '../fleet/harness.ts'
import type { Fault, FaultHandle, FaultMatch, Faults } from '../local/faults.ts'
import { always, expectSpent, readiness, videoRuns } from './outside.ts'
import { expectKept, type FaultJob, line, settled } from './promises.ts'

// One worker lives through all of it, one outage after the other: what one leaves behind, the next would meet.
const tenantId = 22
/** A source whose bytes do not come is given up after five sixths of the first. */
const impatient = { ENCODE_STALL_SECONDS: '12', VIDEO_JOB_MAX_ATTEMPTS: '2', UPLOAD_MAX_CONCURRENCY: '2' }

let fleet: Fleet
let faults: Faults
let worker: FleetWorker
let tiny: string
/** More than one read of the source. */
let longer: string
let videoId = 0
const ended: { job: FaultJob; end: 'complete' | 'fail' }[] = []
beforeAll(async () => {
  fleet = await openFleet()
  faults = fleet.stack.s3.faults
  tiny = await makeClip(fleet.dir, 'tiny.avi')
  longer = await makeClip(fleet.dir, 'plain.mp4')
  worker = fleet.start('bucket', impatient)
  await worker.logged(({ msg }) => msg === 'worker is up')
})
afterEach(() => faults.clear())
afterAll(() => fleet?.close())

/** `injure` is told the key of the source before the message is sent. */
async function send(
  clip: string,
  injure: (fileKey: string) => unknown = () => {},
  end: 'complete' | 'fail' = 'complete',
): Promise<FaultJob> {
  videoId += 1
  const fileKey = await fleet.stack.upload(clip, { tenantId, name: clip })
  injure(fileKey)
  const jobId = await fleet.stack.sendJob({ tenantId, videoId, fileKey })
  const job = { jobId, tenantId, videoId, prefix: `tenants/${tenantId}/video/hls/${videoId}/` }
  ended.push({ job, end })
  return job
}
const starts = ({ jobId }: FaultJob) =>
  worker.log().filter(({ msg, job }) => msg === 'job started' && job === jobId).length

test('500s in bursts, SlowDown, cut connections and slow answers, in every kind of request: nobody notices', async () => {
  const cut = { reset: true, afterBytes: 1000 } as const
  const bad: [FaultMatch, Fault][] = [
    ...['HeadObject', 'ListObjectsV2', 'GetObject', 'PutObject', 'DeleteObjects'].flatMap(
      (operation): [FaultMatch, Fault][] => [
        [{ operation }, { status: 500, times: 2 }],
        [{ operation }, { status: 503, code: 'SlowDown', times: 2 }],
      ],
    ),
    // In the middle of the body of an upload, and of a read of the source.
    [
      { operation: 'PutObject', key: /seg-/ },
      { ...cut, times: 2 },
    ],
    [{ operation: 'GetObject' }, cut],
    [
      { operation: 'PutObject', key: /seg-/ },
      { delayMs: 400, times: 5 },
    ],
    [{ operation: 'GetObject' }, { delayMs: 400 }],
  ]
  const handles: FaultHandle[] = []
  const job = await send(longer, () => {
    for (const [match, fault] of bad) handles.push(faults.failNext(match, fault))
  })
  await settled(worker, job, 'done')
  expect([starts(job), videoRuns(worker, job)]).toEqual([1, 1])
  expectSpent(worker, job)
  expect(handles.map((handle, index) => handle.hits() === (bad[index]![1].times ?? 1))).not.toContain(false)
})

test('a head of the source that came damaged does not make a bad file of it', async () => {
  const job = await send(longer, (key) => faults.failNext({ operation: 'GetObject', key }, { flip: 5 }))
  await line(worker, job, 'job ended without a result', { outcome: 'failed' })
  await settled(worker, job, 'done')
  expect(worker.text()).toContain('"code":"source_garbled"')
  expectSpent(worker, job, { failures: 1 })
})

test('a picture that came damaged is not published: the job starts over with a new read', async () => {
  // In the media data of the first read, behind the index.
  const job = await send(longer, (key) => faults.failNext({ operation: 'GetObject', key }, { flip: 250_000 }))
  await settled(worker, job, 'done')
  expect(videoRuns(worker, job)).toBe(2)
  expectSpent(worker, job, { failures: 1 })
  const garbled = worker.log().filter(({ job: of, err }) => {
    return of === job.jobId && (err as { code?: string } | undefined)?.code === 'source_garbled'
  })
  expect(garbled).not.toEqual([])
})

test('a record of the ledger that came damaged is read again: nothing is encoded anew', async () => {
  const { api } = fleet.stack
  api.faults.failNext({ operation: 'complete' }, { status: 503 })
  const flipped = faults.failNext(
    { operation: 'GetObject', key: /\.work\/(plan|chunk-00000)\.json$/ },
    { flip: 40, times: 2 },
  )
  const job = await send(tiny)
  await settled(worker, job, 'done')
  expect([flipped.hits(), videoRuns(worker, job)]).toEqual([2, 1])
  expectSpent(worker, job)
})

test('a source whose bytes do not come costs a wait and no attempt, and is no hung encoder', async () => {
  const broken = { reset: true, afterBytes: 100 } as const
  const job = await send(longer, (key) => always(faults, { operation: 'GetObject', key }, broken))
  await settled(worker, job, 'released')
  faults.clear()
  await settled(worker, job, 'done')
  expectSpent(worker, job)
})

test('full for writes, then refusing our key: polling stops, nothing is spent, and all goes on when it is mended', async () => {
  // The product’s uploads go on: it is the worker that is refused.
  const ours = { operation: 'PutObject', key: /^(?!.*\/raw\/)/ }
  const full = always(faults, ours, { status: 507, code: 'QuotaExceeded' })
  const first = await send(tiny)
  await settled(worker, first, 'released')
  await worker.logged(({ code }) => code === 'storage_denied')
  const denied = always(faults, ours, { status: 403, code: 'AccessDenied' })
  full()
  const second = await send(tiny)
  expect(await readiness(worker)).toMatchObject({ code: 503, ready: false, bucket: false, queue: true })
  const { waiting, inFlight, delayed } = await fleet.stack.queueCounts()
  expect(waiting + inFlight + delayed).toBe(2)
  expect(await fleet.stack.backlog(tenantId)).toBe(2)
  expect(starts(second)).toBe(0)
  denied()
  for (const job of [first, second]) {
    await settled(worker, job, 'done')
    expectSpent(worker, job)
  }
  expect(await readiness(worker)).toMatchObject({ code: 200, ready: true })
})

test('refusing one object and no other: that is its job’s matter, which is tried, told and parked', async () => {
  const refused = { status: 403, code: 'AccessDenied' }
  const job = await send(tiny, (key) => always(faults, { key }, refused), 'fail')
  await fleet.until('it is parked', async () => (await fleet.stack.queueCounts()).dead === 1)
  expect(starts(job)).toBe(2)
})

test('after all of it every promise holds', async () => {
  const dead = Object.fromEntries(
    ended.filter(({ end }) => end === 'fail').map(({ job }) => [job.jobId, 'storage_refused']),
  )
  await expectKept(fleet, { jobs: ended, workers: ['bucket'], dead })
})
