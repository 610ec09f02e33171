import { type FinalState, type JobIdentity, keepSeconds } from './jobs.ts'
import { backlogKey, jobRecordKey } from './keys.ts'
import type { RedisConsole } from './redis.ts'

/** `fanned`: its parts are in the queue, and its record waits for the join. */
export type JobState = 'waiting' | 'running' | 'fanned' | FinalState

/** A job's record as it stands in Redis; times in milliseconds since 1970 by the clock of Redis. */
export interface JobRecord {
  readonly jobId: string
  /** undefined: nobody has claimed it yet, and only a wish to cancel it is noted. */
  readonly state: JobState | undefined
  readonly owner: string
  readonly failures: number
  readonly crashes: number
  readonly releases: number
  readonly starts: number
  readonly leaseUntilMs: number
  readonly updatedMs: number
  readonly cancelAsked: boolean
  /** Of the message that started the job; '' when it was not kept. */
  readonly body: string
}

/** What operators may do to a job's record: each is one guarded script, as everything that workers do to it. */
export interface JobConsole {
  /** undefined when there is no record. */
  read(jobId: string): Promise<JobRecord | undefined>
  /** Back to waiting with all attempts, counted once. Send the message after it. */
  startOver(
    job: JobIdentity,
    body: string,
  ): Promise<{ readonly changed: boolean; readonly state: JobState | undefined }>
  /** Undoes a startOver whose message could not be sent. */
  withdraw(job: JobIdentity, state: JobState | undefined): Promise<boolean>
  /** Notes the wish that the job is cancelled; resolves its state. Of an ended job nothing is noted. */
  askCancel(jobId: string): Promise<JobState | undefined>
}

export function openJobConsole(redis: RedisConsole): JobConsole {
  const keysOf = ({ jobId, backlogTenant }: JobIdentity) => {
    const record = jobRecordKey(jobId)
    return [record, backlogTenant === undefined ? record : backlogKey(backlogTenant)]
  }

  return {
    async read(jobId) {
      const fields = (await redis.ask('hgetall', jobRecordKey(jobId))) as Record<string, string> | string[]
      return asRecord(jobId, asFields(fields))
    },
    async startOver(job, body) {
      const reply = await redis.run('start-over', keysOf(job), [keepSeconds, body])
      const [changed, state] = reply as [number, string]
      return { changed: changed === 1, state: asState(state) }
    },
    async withdraw(job, state) {
      return (await redis.run('withdraw', keysOf(job), [state ?? ''])) === 1
    },
    async askCancel(jobId) {
      return asState((await redis.run('ask-cancel', [jobRecordKey(jobId)], [keepSeconds])) as string)
    },
  }
}

/** The answer to HGETALL, which is a flat list where the client does not know the command's shape. */
export function asFields(reply: unknown): Readonly<Record<string, string>> {
  if (!Array.isArray(reply)) return (reply ?? {}) as Record<string, string>
  const pairs = Array.from({ length: reply.length / 2 }, (_, at) => [reply[2 * at], reply[2 * at + 1]])
  return Object.fromEntries(pairs) as Record<string, string>
}

/** undefined of an empty hash: there is no record. Pure. */
export function asRecord(jobId: string, fields: Readonly<Record<string, string>>): JobRecord | undefined {
  if (Object.keys(fields).length === 0) return undefined
  const number = (name: string) => Number(fields[name] ?? 0)
  return {
    ...{ jobId, state: asState(fields.state ?? ''), owner: fields.owner ?? '', body: fields.body ?? '' },
    ...{ failures: number('failures'), crashes: number('crashes'), releases: number('releases') },
    ...{ starts: number('starts'), leaseUntilMs: number('lease_until'), updatedMs: number('updated') },
    cancelAsked: fields.cancel === '1',
  }
}

function asState(state: string): JobState | undefined {
  return state === '' ? undefined : (state as JobState)
}
