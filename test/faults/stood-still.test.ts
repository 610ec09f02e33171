import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { makeLongClip } from '../fleet/clips.ts'
import { type Fleet, type FleetWorker, openFleet } from '../fleet/harness.ts'
import { injury } from './injured.ts'
import { encodersOf, signal, toolsOf } from './processes.ts'
import {
  brief,
  chunked,
  expectKept,
  type FaultJob,
  line,
  midEncode,
  sendJob,
  settled,
  storedChunks,
} from './promises.ts'

const tenantId = 24
let fleet: Fleet
let clip: string
let videoId = 0
beforeAll(async () => {
  fleet = await openFleet()
  clip = await makeLongClip(fleet.dir, 24, '320x180')
})
afterEach(() => fleet.stopWorkers())
afterAll(() => fleet?.close())

const send = () => {
  videoId += 1
  return sendJob(fleet, clip, { tenantId, videoId })
}

/** A chunk is stored, and the worker is at work on the next: whatever it has in hand, it will go on with that. */
async function atWork({ name }: FleetWorker, job: FaultJob): Promise<void> {
  await fleet.until(
    'the second chunk',
    async () => storedChunks(fleet, job) >= 1 && (await encodersOf(name, job.jobId)).length > 0,
  )
}

/** Wakes the worker, lets it find out that the job is another's, and tells what it wrote to the bucket until then. */
async function writesOnWaking(worker: FleetWorker, job: FaultJob, wake: () => unknown): Promise<string[]> {
  const before = fleet.stack.s3.requests.length
  await wake()
  await settled(worker, job, 'lost')
  expect((await toolsOf([worker.name])).filter(({ command }) => command.includes(job.jobId))).toEqual([])
  return fleet.stack.s3.requests
    .slice(before)
    .filter(({ method }) => method !== 'GET' && method !== 'HEAD')
    .map(({ method, key }) => `${method} ${key}`)
}

describe('a worker that stood still for longer than its lease', () => {
  test('stopped until another had ended its job touches nothing when it goes on, and takes the next job', async () => {
    const stale = fleet.start('stopped', { ...chunked, ...brief })
    const job = await send()
    await atWork(stale, job)
    stale.kill('SIGSTOP')
    const heir = fleet.start('stopped-heir', chunked)
    await settled(heir, job, 'done')
    expect(await line(heir, job, 'job started')).toMatchObject({ attempt: 2, crashes: 1, failures: 0 })
    await heir.stop()

    expect(await writesOnWaking(stale, job, () => stale.kill('SIGCONT'))).toEqual([])
    const next = await send()
    await settled(stale, next, 'done')
    await expectKept(fleet, {
      jobs: [
        { job, end: 'complete' },
        { job: next, end: 'complete' },
      ],
      workers: ['stopped', 'stopped-heir'],
    })
  })

  test('its event loop blocked, lets go of its job while another is at work on it', async () => {
    const end = join(fleet.dir, 'unblock')
    const stale = fleet.start('blocked', { ...chunked, ...brief, ...injury('block', end) })
    const job = await send()
    await atWork(stale, job)
    stale.kill('SIGUSR2')
    const heir = fleet.start('blocked-heir', chunked)
    await line(heir, job, 'job started')
    // Behind two chunks its own encoder stands still, so that no write is its own.
    await midEncode(fleet, heir, job, 2)
    const sound = () => fleet.stack.s3.keys(job.prefix).some((key) => key.endsWith('.work/audio-0.json'))
    await fleet.until('its sound is stored', sound)
    expect(await writesOnWaking(stale, job, () => writeFile(end, ''))).toEqual([])
    await stale.stop()
    for (const { pid } of await encodersOf('blocked-heir', job.jobId)) signal(pid, 'SIGCONT')
    await settled(heir, job, 'done')
    await expectKept(fleet, { jobs: [{ job, end: 'complete' }], workers: ['blocked', 'blocked-heir'] })
  })
})
