import { everyBacklog, everyJobRecord, jobRecordKey } from '../keys.ts'
import type { RedisPort } from '../redis.ts'

/** A job's record as the scripts of shared/lua keep it. Times in milliseconds of the server's clock, 0 for never. */
export interface JobRow {
  /** Of a part: its job's with the part's name behind a slash. */
  readonly jobId: string
  readonly state: string
  /** Whether the job stands in the backlog counter. */
  readonly waiting: boolean
  readonly updated: number
  readonly sent: number
  readonly leaseUntil: number
  /** Key of the counter it stands in; '' for none; undefined when a worker of an older release wrote the record. */
  readonly counter: string | undefined
  /** Until when it owes the counter one for sure: it was claimed before it was counted (shared/lua/prelude.lua). */
  readonly owedUntil: number
  readonly failures: number
  readonly crashes: number
}

export interface Records {
  readonly rows: readonly JobRow[]
  /** The server's clock, milliseconds, when the last page was read. */
  readonly now: number
  /** False when there are more than one run may read. */
  readonly whole: boolean
}

/** Keys looked at in one script call: short enough (milliseconds) for everybody else who waits for Redis. */
const pageKeys = 500

const fields = [
  'state',
  'waiting',
  'updated',
  'sent',
  'lease_until',
  'counter',
  'failures',
  'crashes',
  'owed_until',
]

/** Every job's record, at most `limit`. Throws redis_unavailable. */
export async function readRecords(redis: RedisPort, limit: number, signal: AbortSignal): Promise<Records> {
  const rows = new Map<string, JobRow>()
  const prefix = jobRecordKey('')
  const { now, whole } = await scan(
    redis,
    { pattern: everyJobRecord, fields, signal },
    ([key, ...values]) => {
      const jobId = key!.slice(prefix.length)
      rows.set(jobId, readRow(jobId, values))
      return rows.size < limit
    },
  )
  return { rows: [...rows.values()], now, whole }
}

/** Every tenant's backlog counter by key. Throws redis_unavailable. */
export async function readCounters(redis: RedisPort, signal: AbortSignal): Promise<Map<string, number>> {
  const counters = new Map<string, number>()
  await scan(redis, { pattern: everyBacklog, fields: [], signal }, ([key = '', value]) => {
    counters.set(key, Number(value))
    return true
  })
  return counters
}

/** One job's record, read anew; undefined when there is none. */
export async function readRecord(redis: RedisPort, jobId: string): Promise<JobRow | undefined> {
  const key = jobRecordKey(jobId)
  const values = await Promise.all(fields.map((field) => redis.field(key, field)))
  return values[0]
    ? readRow(
        jobId,
        values.map((value) => value ?? ''),
      )
    : undefined
}

/** Whether somebody's lease on the job runs. */
export function isHeld({ state, leaseUntil }: JobRow, now: number): boolean {
  return state === 'running' && leaseUntil > now
}

/** Whether the job has an end yet to come. */
export function isOpen({ state }: JobRow): boolean {
  return state === 'waiting' || state === 'running' || state === 'fanned'
}

/** The id of the job that a part belongs to; a job's own. */
export function parentOf(jobId: string): string {
  const slash = jobId.indexOf('/')
  return slash < 0 ? jobId : jobId.slice(0, slash)
}

function readRow(jobId: string, values: readonly string[]): JobRow {
  const [state = '', waiting, updated, sent, leaseUntil, counter = '', failures, crashes, owed] = values
  return {
    ...{ jobId, state, waiting: waiting === '1', updated: Number(updated), sent: Number(sent) },
    ...{ leaseUntil: Number(leaseUntil), failures: Number(failures), crashes: Number(crashes) },
    owedUntil: Number(owed ?? 0),
    counter: counter === '' ? undefined : counter === '-' ? '' : counter,
  }
}

async function scan(
  redis: RedisPort,
  { pattern, fields, signal }: { pattern: string; fields: readonly string[]; signal: AbortSignal },
  onRow: (row: readonly string[]) => boolean,
): Promise<{ now: number; whole: boolean }> {
  for (let cursor = '0'; ; ) {
    signal.throwIfAborted()
    const answer = await redis.run('scan-page', [], [cursor, pattern, pageKeys, ...fields])
    const [next, now, rows] = answer as [string, number, string[][]]
    const more = rows.every(onRow)
    if (next === '0' || !more) return { now, whole: more }
    cursor = next
  }
}
