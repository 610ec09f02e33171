import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from '@jest/globals'
import { heartbeatKey, statusKey } from '../../shared/keys.ts'
import type { Fleet, FleetWorker, LogLine } from '../fleet/harness.ts'
import { readTree } from '../fleet/tree.ts'
import { freeze, type Tool, toolsOf } from './processes.ts'

/** Chunks of six seconds on one worker: what is finished can be told from what is not. */
export const chunked = { CHUNK_SECONDS: '6', HLS_TIME_SECONDS: '2', FANOUT: 'never' }
/** A lease that is soon over, for a worker that is killed or stands still. A busy machine may stop it for 8 s. */
export const brief = {
  LEASE_VISIBILITY_SECONDS: '10',
  LEASE_BEAT_SECONDS: '0.5',
  LEASE_MIN_SLACK_SECONDS: '1',
}

export interface FaultJob {
  readonly jobId: string
  readonly videoId: number
  readonly tenantId: number
  /** Everything of the video in the bucket. */
  readonly prefix: string
}

/** Sends a job as the product does. */
export async function sendJob(
  fleet: Fleet,
  clip: string,
  video: { tenantId: number; videoId: number },
): Promise<FaultJob> {
  const { tenantId, videoId } = video
  const fileKey = await fleet.stack.upload(clip, { tenantId, name: clip })
  const jobId = await fleet.stack.sendJob({ ...video, fileKey })
  return { jobId, videoId, tenantId, prefix: `tenants/${tenantId}/video/hls/${videoId}/` }
}

/** The worker's first line with this message and these fields about the job, past or future. */
export function line(
  worker: FleetWorker,
  { jobId }: FaultJob,
  msg: string,
  fields: Record<string, unknown> = {},
): Promise<LogLine> {
  const wanted = Object.entries({ job: jobId, msg, ...fields })
  return worker.logged((each) => wanted.every(([name, value]) => each[name] === value))
}

export const settled = (worker: FleetWorker, job: FaultJob, outcome: string) =>
  line(worker, job, 'job settled', { outcome })

/** Chunks that the bucket's ledger has. */
export function storedChunks(fleet: Fleet, { prefix, jobId }: FaultJob): number {
  return fleet.stack.s3.keys(`${prefix}${jobId}/.work/chunk-`).length
}

/**
 * At least `chunks` are stored, and the next is in the middle of its encode: its ffmpeg is stopped there. Resolves to
 * how many are: a busy machine may miss one.
 */
export async function midEncode(
  fleet: Fleet,
  { name }: FleetWorker,
  job: FaultJob,
  chunks = 1,
): Promise<number> {
  let frozen = chunks
  await fleet.until(`the encoder of chunk ${chunks} or a later one`, async () => {
    const [encoder] = await freeze(name, job.jobId, chunks)
    frozen = encoder?.chunk ?? frozen
    return encoder !== undefined
  })
  await fleet.until(`${frozen} stored chunks`, () => storedChunks(fleet, job) >= frozen)
  return frozen
}

export interface Kept {
  readonly jobs: readonly { readonly job: FaultJob; readonly end: 'complete' | 'fail' }[]
  /** Names of all workers that there were. */
  readonly workers: readonly string[]
  /** Reasons of what the dead-letter queue should hold, by job id. */
  readonly dead?: Readonly<Record<string, string>>
  readonly scratch?: string
}

/**
 * The promises, whatever was done in between: one terminal callback a job, its output whole or gone, backlog 0, queue
 * empty, in the DLQ what it should hold, no process and no scratch left. Stops the workers.
 */
export async function expectKept(fleet: Fleet, kept: Kept): Promise<void> {
  const { jobs, workers, dead = {}, scratch = join(fleet.dir, 'scratch') } = kept
  const { stack } = fleet
  await fleet.until('the queue is empty', async () => {
    const { waiting, inFlight, delayed } = await stack.queueCounts()
    return waiting + inFlight + delayed === 0
  })
  await fleet.stopWorkers()
  const parked = (await stack.sqs.messages('academy-video-jobs-dlq')).map(({ body, attributes }) => {
    return [JSON.parse(body).job_id, attributes.reason]
  })
  expect(Object.fromEntries(parked)).toEqual(
    Object.fromEntries(Object.entries(dead).map(([job, why]) => [job, expect.stringContaining(why)])),
  )
  for (const { job, end } of jobs) await expectEnd(fleet, job, end)
  // Other suites have workers of the same names, at the same time.
  const ours = ({ command, cwd }: Tool) => command.includes(fleet.dir) || cwd.includes(fleet.dir)
  expect((await toolsOf(workers)).filter(ours)).toEqual([])
  expect(await readdir(scratch)).toEqual([])
}

async function expectEnd({ stack, signal }: Fleet, job: FaultJob, end: 'complete' | 'fail'): Promise<void> {
  const { jobId, tenantId, videoId, prefix } = job
  // An answer that was lost is asked for again; only one of them is more than `idempotent`.
  const calls = stack.api.calls
    .filter((call) => call.jobId === jobId && (call.name === 'complete' || call.name === 'fail'))
    .filter((call) => call.status === 200 && call.reason !== 'idempotent')
  expect(calls.map(({ name }) => name)).toEqual([end])
  expect(await stack.backlog(tenantId)).toBe(0)
  const status = JSON.parse((await stack.redisClient.get(statusKey(tenantId, videoId))) ?? '{}').status
  expect(status).toBe(end === 'complete' ? 'READY' : 'FAILED')
  expect(await stack.redisClient.exists(heartbeatKey(tenantId, videoId))).toBe(0)
  if (end === 'fail') return expect(stack.s3.keys(prefix)).toEqual([])
  const tree = await readTree(stack.storage, String(calls[0]!.body.hls_path), signal)
  expect(tree).toMatchObject({ missing: [], unreferenced: [] })
  // Nothing beside it: no ledger, no attempt of its own.
  expect(stack.s3.keys(prefix)).toHaveLength(tree.objects)
}
