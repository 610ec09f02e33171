import { mkdir, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { makeLongClip } from '../fleet/clips.ts'
import { type Fleet, openFleet } from '../fleet/harness.ts'
import { injury } from './injured.ts'
import { encodersOf, toolsOf } from './processes.ts'
import { brief, chunked, expectKept, line, midEncode, sendJob, settled } from './promises.ts'

const tenantId = 21
let fleet: Fleet
let clip: string
let videoId = 0
beforeAll(async () => {
  fleet = await openFleet()
  clip = await makeLongClip(fleet.dir, 30, '320x180')
})
afterEach(async () => {
  await fleet.stopWorkers()
  await fleet.stack.sqs.drain('academy-video-jobs-dlq')
})
afterAll(() => fleet?.close())

const send = () => {
  videoId += 1
  return sendJob(fleet, clip, { tenantId, videoId })
}
const program = (name: string) =>
  (process.env.PATH ?? '')
    .split(':')
    .map((folder) => join(folder, name))
    .find((path) => process.getBuiltinModule('node:fs').existsSync(path))!

describe('a worker that dies in the middle of an encode', () => {
  test('twice is followed by one that ends the job; a job that takes three workers with it is given up', async () => {
    const [lucky, doomed] = [await send(), await send()]
    const both = { ...chunked, ...brief, WORKER_CONCURRENCY: '2' }
    let stored = 0
    for (const name of ['first', 'second']) {
      const worker = fleet.start(name, both)
      stored = await midEncode(fleet, worker, lucky, 1)
      await midEncode(fleet, worker, doomed, 0)
      worker.kill('SIGKILL')
      await worker.ended
    }
    const third = fleet.start('third', both)
    await midEncode(fleet, third, doomed, 0)
    await settled(third, lucky, 'done')
    expect(await line(third, lucky, 'job started')).toMatchObject({ attempt: 3, crashes: 2, failures: 0 })
    // What was stored is nobody's work again.
    const reused = await line(third, lucky, 'finished chunks were reused')
    expect(reused).toMatchObject({ reused: stored, chunks: 5 })
    third.kill('SIGKILL')
    await third.ended

    const fourth = fleet.start('fourth', chunked)
    await settled(fourth, doomed, 'failed')
    const fails = fleet.stack.api.calls.filter(
      (call) => call.jobId === doomed.jobId && call.name === 'fail' && call.status === 200,
    )
    expect(fails).toMatchObject([{ body: { code: 'crashes_exhausted' }, workerId: 'fourth' }])
    await expectKept(fleet, {
      jobs: [
        { job: lucky, end: 'complete' },
        { job: doomed, end: 'fail' },
      ],
      workers: ['first', 'second', 'third', 'fourth'],
      dead: { [doomed.jobId]: 'crashes_exhausted: 3 crashes, the limit is 3' },
    })
  })

  test('where the kernel ends no tools with it leaves an ffmpeg and scratch, and its successor sweeps both', async () => {
    // Without setpriv nothing tells the kernel to.
    const folder = join(fleet.dir, 'programs')
    await mkdir(folder)
    for (const name of ['ffmpeg', 'ffprobe', 'prlimit', 'nice'])
      await symlink(program(name), join(folder, name))
    const worker = fleet.start('orphaned', { ...chunked, ...brief, PATH: folder, SANDBOX: 'off' })
    const job = await send()
    const stored = await midEncode(fleet, worker, job, 1)
    worker.kill('SIGKILL')
    await worker.ended
    const orphans = await encodersOf('orphaned', job.jobId)
    expect(orphans).toHaveLength(1)

    const successor = fleet.start('successor', { ...chunked, WORKER_ID: 'orphaned' })
    const swept = await successor.logged(({ msg }) => msg === 'swept what a killed predecessor left')
    // Whatever else it left; the sound may still be encoded, or may have been done.
    expect(swept.orphans).toBeGreaterThanOrEqual(1)
    expect(swept.folders).toBe(1)
    const pids = orphans.map(({ pid }) => pid)
    await fleet.until('the orphan is gone', async () =>
      (await toolsOf(['orphaned'])).every(({ pid }) => !pids.includes(pid)),
    )
    await settled(successor, job, 'done')
    expect(await line(successor, job, 'job started')).toMatchObject({ attempt: 2, crashes: 1, failures: 0 })
    expect(await line(successor, job, 'finished chunks were reused')).toMatchObject({ reused: stored })
    await expectKept(fleet, { jobs: [{ job, end: 'complete' }], workers: ['orphaned'] })
  })

  test('since its heap is full takes its ffmpeg along, and the next one goes on', async () => {
    const full = injury('heap', '', '--max-old-space-size=96')
    const worker = fleet.start('full-heap', { ...chunked, ...brief, ...full })
    const job = await send()
    await midEncode(fleet, worker, job, 1)
    worker.kill('SIGUSR2')
    expect(await worker.ended).toMatch(/^(SIGABRT|SIGTRAP|exit code 134)$/)
    expect(worker.text()).toContain('heap out of memory')
    await fleet.until('no ffmpeg is left', async () => (await toolsOf(['full-heap'])).length === 0)
    const heir = fleet.start('heap-heir', chunked)
    await settled(heir, job, 'done')
    expect(await line(heir, job, 'job started')).toMatchObject({ crashes: 1, failures: 0 })
    await expectKept(fleet, {
      jobs: [{ job, end: 'complete' }],
      workers: ['full-heap', 'heap-heir'],
    })
  })
})
