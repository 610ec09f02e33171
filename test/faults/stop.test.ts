import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { makeLongClip } from '../fleet/clips.ts'
import { type Fleet, type FleetWorker, openFleet } from '../fleet/harness.ts'
import { readTree } from '../fleet/tree.ts'

const tenantId = 8
/** Chunks of six seconds: a job of many, so that what is finished can be told from what is not; on one worker. */
const chunked = { CHUNK_SECONDS: '6', HLS_TIME_SECONDS: '2', FANOUT: 'never' }

let fleet: Fleet
let clip: string
let videoId = 0
beforeAll(async () => {
  fleet = await openFleet()
  clip = await makeLongClip(fleet.dir, 36)
})
afterEach(async () => {
  await fleet.stopWorkers()
  // A job that a test leaves behind is not the next one's.
  await fleet.stack.sqs.drain('academy-video-jobs')
})
afterAll(() => fleet?.close())

async function send(): Promise<{ jobId: string; videoId: number; fileKey: string }> {
  videoId += 1
  const fileKey = await fleet.stack.upload(clip, { tenantId, name: 'a.mp4' })
  return { jobId: await fleet.stack.sendJob({ tenantId, videoId, fileKey }), videoId, fileKey }
}

/** Process ids of the running ffmpegs that the worker of this name started. */
async function encodersOf(name: string): Promise<number[]> {
  const found: number[] = []
  for (const pid of (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry))) {
    const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '')
    if (environment.split('\0').includes(`VIDEO_WORKER_CHILD=${name}`)) found.push(Number(pid))
  }
  return found
}

/** Two chunks are done, and the third is being encoded. */
async function midEncode(worker: FleetWorker, { jobId }: { jobId: string }): Promise<void> {
  await worker.logged((line) => line.msg === 'chunk encoded' && line.job === jobId && line.chunk === 1)
  await fleet.until('the next encoder', async () => (await encodersOf(worker.name)).length > 0)
}
const outcomeOf = (worker: FleetWorker, jobId: string) =>
  worker.logged((line) => line.msg === 'job settled' && line.job === jobId)
const callsOf = (jobId: string) =>
  fleet.stack.api.calls.filter(
    (call) => call.jobId === jobId && (call.name === 'complete' || call.name === 'fail'),
  )
const keysUnder = async (prefix: string) => {
  const keys: string[] = []
  for await (const { key } of fleet.stack.storage.list(prefix, fleet.signal)) keys.push(key)
  return keys
}

describe('a job in the middle of its encode', () => {
  test('that is cancelled ends its ffmpeg, removes its output, reports and is acknowledged', async () => {
    const worker = fleet.start('cancel', chunked)
    const job = await send()
    await midEncode(worker, job)
    await fleet.stack.redisClient.set(
      `tenant:${tenantId}:video:${job.videoId}:cancel_requested`,
      '1',
      'EX',
      300,
    )
    const settled = await outcomeOf(worker, job.jobId)
    expect(settled.outcome).toBe('cancelled')
    // The chunks that were left at the cancel were not encoded.
    expect(worker.log().filter((line) => line.msg === 'chunk encoded').length).toBeLessThan(6)
    expect(await encodersOf('cancel')).toEqual([])
    expect(await keysUnder(`tenants/${tenantId}/video/hls/${job.videoId}/`)).toEqual([])
    expect(callsOf(job.jobId)).toMatchObject([
      { name: 'fail', body: { code: 'cancelled', retryable: false } },
    ])
    const status = await fleet.stack.redisClient.get(`tenant:${tenantId}:video:${job.videoId}:status`)
    expect(JSON.parse(status!)).toMatchObject({ status: 'FAILED' })
    expect(await fleet.stack.queueCounts()).toEqual({ waiting: 0, inFlight: 0, delayed: 0, dead: 0 })
    expect(await fleet.stack.backlog(tenantId)).toBe(0)
  })

  test('that is drained goes back at once without an attempt, and another worker ends it from its finished chunks', async () => {
    // All of the drain is for the hand-back: no estimate of the rest of the job fits, however fast the machine is.
    const first = fleet.start('drained', { ...chunked, DRAIN_SECONDS: '30' })
    const job = await send()
    await midEncode(first, job)
    first.kill('SIGTERM')
    expect(await first.ended).toBe('exit code 0')
    expect(await encodersOf('drained')).toEqual([])
    expect((await outcomeOf(first, job.jobId)).outcome).toBe('released')
    expect(await fleet.stack.backlog(tenantId)).toBe(1)
    expect(await fleet.stack.redisClient.exists(`tenant:${tenantId}:video:${job.videoId}:heartbeat`)).toBe(0)

    const second = fleet.start('successor', chunked)
    expect((await outcomeOf(second, job.jobId)).outcome).toBe('done')
    const reused = second.log().find((line) => line.msg === 'finished chunks were reused')
    expect(reused?.reused).toBeGreaterThanOrEqual(1)
    expect(second.log().find((line) => line.msg === 'job started')).toMatchObject({
      failures: 0,
      crashes: 0,
      releases: 1,
    })
    expect(callsOf(job.jobId)).toMatchObject([{ name: 'complete', workerId: 'successor' }])
    const tree = await readTree(
      fleet.stack.storage,
      String(callsOf(job.jobId)[0]!.body.hls_path),
      fleet.signal,
    )
    expect(tree).toMatchObject({ missing: [], unreferenced: [] })
    expect(await fleet.stack.backlog(tenantId)).toBe(0)
  })

  test('whose worker is killed with -9 ends once, on another worker, with one callback', async () => {
    const first = fleet.start('killed', chunked)
    const job = await send()
    await midEncode(first, job)
    first.kill('SIGKILL')
    await first.ended
    // The kernel ends the encoder with its worker; without setpriv the successor's boot would.
    await fleet.until('no orphan ffmpeg', async () => (await encodersOf('killed')).length === 0)

    const second = fleet.start('heir', chunked)
    expect((await outcomeOf(second, job.jobId)).outcome).toBe('done')
    const started = second.log().findLast((line) => line.msg === 'job started')
    expect(started).toMatchObject({ attempt: 2, crashes: 1, failures: 0 })
    expect(
      second.log().find((line) => line.msg === 'finished chunks were reused')?.reused,
    ).toBeGreaterThanOrEqual(1)
    expect(second.log().some((line) => line.msg === 'swept what a killed predecessor left')).toBe(true)
    expect(callsOf(job.jobId)).toMatchObject([{ name: 'complete', workerId: 'heir' }])
    expect(await fleet.stack.backlog(tenantId)).toBe(0)
    const left = await readdir(join(fleet.dir, 'scratch'))
    expect(left.filter((name) => name.startsWith('worker-'))).toHaveLength(1)
  })

  test('whose lease is lost ends its ffmpeg and touches nothing more', async () => {
    const worker = fleet.start('loser', chunked)
    const job = await send()
    await midEncode(worker, job)
    // Another worker's claim, as after an expired lease: a higher token under another owner.
    await fleet.stack.redisClient.hset(`video-worker:job:${job.jobId}`, { token: 99, owner: 'somebody' })
    expect((await outcomeOf(worker, job.jobId)).outcome).toBe('lost')
    expect(await encodersOf('loser')).toEqual([])
    expect(callsOf(job.jobId)).toEqual([])
    expect((await fleet.stack.queueCounts()).inFlight).toBe(1)
  })

  test('whose encoder hangs is killed and counted as a crash, not as an attempt', async () => {
    const worker = fleet.start('hung', { ...chunked, ENCODE_STALL_SECONDS: '15' })
    const job = await send()
    await midEncode(worker, job)
    for (const pid of await encodersOf('hung')) process.kill(pid, 'SIGSTOP')
    const settled = await outcomeOf(worker, job.jobId)
    expect(settled.outcome).toBe('failed')
    expect(
      worker.log().find((line) => (line.err as { code?: string })?.code === 'encode_stalled'),
    ).toBeDefined()
    const again = await worker.logged(
      (line) => line.msg === 'job started' && line.job === job.jobId && line.attempt === 2,
    )
    expect(again).toMatchObject({ crashes: 1, failures: 0 })
    await worker.logged(
      (line) => line.msg === 'job settled' && line.job === job.jobId && line.outcome === 'done',
    )
  })

  test('whose video is deleted leaves nothing behind', async () => {
    const worker = fleet.start('deleted', chunked)
    const job = await send()
    await midEncode(worker, job)
    fleet.stack.api.rows.deleteVideo(job.videoId)
    expect((await outcomeOf(worker, job.jobId)).outcome).toBe('cancelled')
    expect(await keysUnder(`tenants/${tenantId}/video/hls/${job.videoId}/`)).toEqual([])
  })
})
