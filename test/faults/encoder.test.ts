import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { makeHugeClip, makeLongClip } from '../fleet/clips.ts'
import { type Fleet, openFleet } from '../fleet/harness.ts'
import { brokenFfmpeg } from './injured.ts'
import { encodersOf, signal, toolsOf } from './processes.ts'
import { chunked, expectKept, type FaultJob, line, midEncode, sendJob, settled } from './promises.ts'

const tenantId = 22
let fleet: Fleet
let clip: string
let deaf: string
let videoId = 0
beforeAll(async () => {
  fleet = await openFleet()
  clip = await makeLongClip(fleet.dir, 24, '320x180')
  // Says nothing, hears nothing, and has a child that is no better.
  const hang = ["trap '' TERM INT HUP", 'sleep 600 &', 'while :; do sleep 1; done']
  deaf = await brokenFfmpeg(join(fleet.dir, 'deaf'), '*/chunk-*', hang)
})
afterEach(async () => {
  await fleet.stopWorkers()
  fleet.stack.sqs.faults.clear()
  await fleet.stack.sqs.drain('academy-video-jobs-dlq')
})
afterAll(() => fleet?.close())

const send = () => {
  videoId += 1
  return sendJob(fleet, clip, { tenantId, videoId })
}
const fails = ({ jobId }: FaultJob) =>
  fleet.stack.api.calls.filter((call) => call.jobId === jobId && call.name === 'fail' && call.status === 200)
const chunkTools = async (worker: string) =>
  (await toolsOf([worker])).filter(({ command }) => command.includes('/chunk-'))

describe('an ffmpeg in the middle of its encode', () => {
  test('that is killed with -9, as the kernel does for memory, is a failed attempt and costs its chunk', async () => {
    const worker = fleet.start('struck', chunked)
    const job = await send()
    await midEncode(fleet, worker, job, 1)
    for (const { pid } of await encodersOf('struck', job.jobId)) signal(pid, 'SIGKILL')
    await settled(worker, job, 'failed')
    expect(await line(worker, job, 'job ended without a result')).toMatchObject({
      err: { code: 'encode_failed' },
    })
    expect(await line(worker, job, 'job started', { attempt: 2 })).toMatchObject({ failures: 1, crashes: 0 })
    // Now what leads its process group: in the sandbox that is not ffmpeg itself.
    const stored = await midEncode(fleet, worker, job, 1)
    const [leader] = await chunkTools('struck')
    signal(leader!.pid, 'SIGKILL')
    expect(await line(worker, job, 'job started', { attempt: 3 })).toMatchObject({ failures: 2, crashes: 0 })
    await settled(worker, job, 'done')
    expect(await line(worker, job, 'finished chunks were reused')).toMatchObject({
      reused: stored,
      chunks: 4,
    })
    await expectKept(fleet, { jobs: [{ job, end: 'complete' }], workers: ['struck'] })
  })

  test('that makes no progress and ignores SIGTERM is gone within its limit, counts as a crash, and is done elsewhere', async () => {
    const hung = fleet.start('hung', { ...chunked, FFMPEG_BIN: deaf, ENCODE_STALL_SECONDS: '5' })
    const job = await send()
    await line(hung, job, 'job started')
    const letGo = fleet.holdQueue()
    await fleet.until('it hangs', async () => (await toolsOf(['hung'])).some(({ name }) => name === 'sleep'))
    await settled(hung, job, 'failed')
    expect(await line(hung, job, 'job ended without a result')).toMatchObject({
      err: { code: 'encode_stalled', message: 'the video run made no progress for 5 s' },
    })
    expect(await toolsOf(['hung'])).toEqual([])
    await hung.stop()
    letGo()
    const heir = fleet.start('hung-heir', chunked)
    await settled(heir, job, 'done')
    expect(await line(heir, job, 'job started')).toMatchObject({ attempt: 2, crashes: 1, failures: 0 })
    await expectKept(fleet, { jobs: [{ job, end: 'complete' }], workers: ['hung', 'hung-heir'] })
  })

  test('that hangs every time ends the job with the reason, its whole group killed without a sandbox too', async () => {
    const worker = fleet.start('hopeless', {
      ...{ ...chunked, FFMPEG_BIN: deaf, SANDBOX: 'off' },
      ...{ ENCODE_STALL_SECONDS: '5', VIDEO_JOB_MAX_CRASHES: '2' },
    })
    const job = await send()
    await fleet.until('it is parked', async () => (await fleet.stack.queueCounts()).dead === 1)
    expect(fails(job)).toMatchObject([{ body: { code: 'encode_stalled', retryable: true } }])
    expect(await line(worker, job, 'job started', { attempt: 2 })).toMatchObject({ crashes: 1, failures: 0 })
    await expectKept(fleet, {
      jobs: [{ job, end: 'fail' }],
      workers: ['hopeless'],
      dead: { [job.jobId]: 'encode_stalled: the video run made no progress for 5 s' },
    })
  })

  test('that wants more memory than it may have is the file’s end, told once and not tried again', async () => {
    const worker = fleet.start('starved', { ...chunked, FFMPEG_MEMORY_LIMIT_MB: '200' })
    videoId += 1
    const job = await sendJob(fleet, await makeHugeClip(fleet.dir), { tenantId, videoId })
    await settled(worker, job, 'rejected')
    expect(fails(job)).toMatchObject([{ body: { code: 'resource_limit', retryable: false } }])
    await expectKept(fleet, { jobs: [{ job, end: 'fail' }], workers: ['starved'] })
  })
})

test('a thumbnail whose ffmpeg is killed is no detail and not the file’s fault: the job has failed, and comes again', async () => {
  const blind = await brokenFfmpeg(join(fleet.dir, 'blind'), '*/poster.jpg*', ['kill -9 $$'])
  // In the sandbox it would be the first of its processes, which no signal of its own ends.
  const worker = fleet.start('blind', { ...chunked, FFMPEG_BIN: blind, SANDBOX: 'off' })
  const job = await send()
  await line(worker, job, 'job started')
  const letGo = fleet.holdQueue()
  await settled(worker, job, 'failed')
  await worker.stop()
  letGo()
  const heir = fleet.start('blind-heir', chunked)
  await settled(heir, job, 'done')
  expect(await line(heir, job, 'job started')).toMatchObject({ failures: 1, crashes: 0 })
  await expectKept(fleet, { jobs: [{ job, end: 'complete' }], workers: ['blind', 'blind-heir'] })
})
