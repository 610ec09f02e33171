import {
  backlogKey,
  heartbeatKey,
  jobRecordKey,
  partsKey,
  progressKey,
  sentPartsKey,
  statusKey,
} from './keys.ts'
import type { RedisPort } from './redis.ts'

/** A settled record is remembered this long, in seconds: SQS keeps a message at most 14 days (facts.md). */
export const keepSeconds = 15 * 24 * 3600

/** What the record needs to know of a job. */
export interface JobIdentity {
  readonly jobId: string
  /** Whose backlog the job's message was counted in; absent for catalogue jobs, which stand in none. */
  readonly backlogTenant?: number
  /** Whose progress, status and heartbeat keys the job writes; absent for deletes and catalogue jobs. */
  readonly video?: { readonly tenantId: number; readonly videoId: number }
  /** Of a part: the job it belongs to. A part's end is not the video's. */
  readonly parent?: JobIdentity
}

export type Claim =
  | { readonly verdict: 'settled'; readonly state: FinalState }
  | { readonly verdict: 'busy'; readonly leftMs: number }
  | {
      readonly verdict: 'yours'
      /** Fencing token: every later write of this attempt carries it. */
      readonly token: number
      /** 1 for the first start of the job. */
      readonly starts: number
      readonly failures: number
      readonly crashes: number
      readonly releases: number
    }

export type FinalState = 'done' | 'dead' | 'cancelled'

/** The job's record in Redis: who has it, how often it failed, whether it stands in the backlog. */
export interface JobRecords {
  /**
   * counted: whether a job that has no record yet was counted in the backlog by the API; sentMs: when its message was
   * sent, by the clock of SQS (a job that was given up is begun anew only for one that came after its last attempt).
   * body: of the message, kept so that the job can be sent again when its message is lost (shared/reconcile).
   */
  claim(
    job: JobIdentity,
    input: {
      owner: string
      leaseMs: number
      messageId: string
      sentMs: number
      counted: boolean
      body?: string
    },
  ): Promise<Claim>
  renew(job: JobIdentity, token: number, leaseMs: number): Promise<'renewed' | 'lost' | 'missing'>
  release(job: JobIdentity, token: number, count: 'failures' | 'crashes' | 'releases'): Promise<number>
  finish(
    job: JobIdentity,
    token: number,
    input: { state: FinalState; status: Record<string, unknown>; revivable?: boolean },
  ): Promise<'ended' | 'owing' | 'lost' | 'missing'>
  /** Of a job that ended before the API had counted it (`owing`): true once its count is taken out of the backlog. */
  payDebt(job: JobIdentity): Promise<boolean>
  /** The job's parts are in the queue; its record waits for the join, owned by nobody. */
  fanOut(job: JobIdentity, token: number): Promise<'ended' | 'lost' | 'missing'>
  /**
   * Whether a part's message is to be sent, of a job that has not ended; counts it in the backlog then, once. lostMs: a
   * message that nobody received for so long is lost.
   */
  enqueue(part: JobIdentity, lostMs: number): Promise<boolean>
  /** Adds what a part has done to its job's progress bar. Frames of the video, and frames a second. */
  share(
    part: JobIdentity,
    token: number,
    progress: { name: string; frames: number; speed: number; totalFrames: number; worker: string },
    value: { json: string; from: number; to: number; seconds: number },
  ): Promise<void>
  state(job: JobIdentity): Promise<string | undefined>
  /** Writes one of the video's keys while the job is still ours. seconds: time to live. */
  write(job: JobIdentity, token: number, key: string, value: string, seconds: number): Promise<boolean>
}

/** A body longer than this is not kept, in characters: one video's is a few hundred. */
const bodyLength = 16_384

function keptBody(body = ''): string {
  return body.length > bodyLength ? '' : body
}

export function openJobRecords(redis: RedisPort): JobRecords {
  const record = (job: JobIdentity) => jobRecordKey(job.jobId)
  const counter = (job: JobIdentity) =>
    job.backlogTenant === undefined ? record(job) : backlogKey(job.backlogTenant)

  return {
    async claim(job, input) {
      const reply = (await redis.run(
        'claim',
        [record(job), counter(job)],
        [
          input.owner,
          input.leaseMs,
          input.messageId,
          input.counted ? 1 : 0,
          keepSeconds,
          keptBody(input.body),
          input.sentMs,
        ],
      )) as [string, ...(string | number)[]]
      const [verdict, ...rest] = reply
      if (verdict === 'settled') return { verdict, state: rest[0] as FinalState }
      if (verdict === 'busy') return { verdict, leftMs: Number(rest[0]) }
      const [token = 0, starts = 0, failures = 0, crashes = 0, releases = 0] = rest.map(Number)
      return { verdict: 'yours', token, starts, failures, crashes, releases }
    },

    async renew(job, token, leaseMs) {
      const reply = await redis.run('renew', [record(job), counter(job)], [token, leaseMs, keepSeconds])
      return reply === 1 ? 'renewed' : reply === -1 ? 'missing' : 'lost'
    },

    async release(job, token, count) {
      return Number(await redis.run('release', [record(job), counter(job)], [token, count, keepSeconds]))
    },

    async finish(job, token, input) {
      const keys =
        job.video && !job.parent
          ? [
              statusKey(job.video.tenantId, job.video.videoId),
              heartbeatKey(job.video.tenantId, job.video.videoId),
            ]
          : [record(job), record(job)]
      const reply = await redis.run(
        'finish',
        [record(job), ...keys, counter(job), job.parent ? record(job) : sentPartsKey(job.jobId)],
        [token, input.state, JSON.stringify(input.status), input.revivable ? 1 : 0, keepSeconds],
      )
      return reply === 1 ? 'ended' : reply === 2 ? 'owing' : reply === -1 ? 'missing' : 'lost'
    },

    payDebt: async (job) => (await redis.run('pay-debt', [record(job), counter(job)], [])) === 1,

    async fanOut(job, token) {
      const reply = await redis.run('fan-out', [record(job), counter(job)], [token, keepSeconds])
      return reply === 1 ? 'ended' : reply === -1 ? 'missing' : 'lost'
    },

    async enqueue(part, lostMs) {
      const parent = part.parent ?? part
      const keys = [record(part), counter(part), sentPartsKey(parent.jobId), record(parent)]
      return (await redis.run('enqueue', keys, [keepSeconds, lostMs])) === 1
    },

    async share(part, token, { name, frames, speed, totalFrames, worker }, { json, from, to, seconds }) {
      if (!part.video || !part.parent) return
      const keys = [
        record(part),
        partsKey(part.parent.jobId),
        progressKey(part.video.tenantId, part.video.videoId),
        record(part.parent),
      ]
      await redis.run('part-progress', keys, [
        token,
        name,
        frames,
        speed,
        worker,
        totalFrames,
        seconds,
        from,
        to,
        json,
      ])
    },

    state: async (job) => (await redis.field(record(job), 'state')) ?? undefined,

    async write(job, token, key, value, seconds) {
      return (
        (await redis.run(
          'fenced-set',
          [record(job), key, record(job.parent ?? job)],
          [token, value, seconds],
        )) === 1
      )
    },
  }
}
