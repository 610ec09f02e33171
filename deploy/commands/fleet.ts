import { asFields, asRecord, type JobRecord } from '../../shared/job-console.ts'
import { backlogKey, jobRecordKey, workerKey } from '../../shared/keys.ts'
import { isRefusal, type RedisConsole } from '../../shared/redis.ts'
import { readWorkerReport, type WorkerReport } from '../../shared/worker-report.ts'

/** All that Redis knows of the fleet, at one moment of its clock. */
export interface FleetRecords {
  readonly workers: readonly WorkerReport[]
  /** Jobs that have not ended, without their parts. */
  readonly jobs: readonly JobRecord[]
  /** Parts of shared jobs by the job's id. */
  readonly parts: ReadonlyMap<string, PartCounts>
  readonly ended: { readonly done: number; readonly dead: number; readonly cancelled: number }
  /** By tenant; counters that stand at 0 are left out. */
  readonly backlog: ReadonlyMap<number, number>
  /** Milliseconds since 1970 by the clock of Redis, which leases are told in. */
  readonly nowMs: number
  /** Keys that hold another type than they should, of somebody else's making: what they should say is left out. */
  readonly unreadable: readonly string[]
}

export interface PartCounts {
  total: number
  done: number
  running: number
}

/** Keys asked for at a time: a scan of so many takes Redis well under a millisecond. */
const scanCount = 1000
const backlogName = /^tenant:(\d+):video:backlog_count$/

/** One pass over the key space: nothing keeps an index, since all of it may be lost at any time. */
export async function readFleet(redis: RedisConsole, signal: AbortSignal): Promise<FleetRecords> {
  const workers: WorkerReport[] = []
  const jobs: JobRecord[] = []
  const parts = new Map<string, PartCounts>()
  const ended = { done: 0, dead: 0, cancelled: 0 }
  const backlog = new Map<number, number>()
  const unreadable: string[] = []
  const read = <T>(key: string, answer: Promise<T>): Promise<T | null> =>
    answer.catch((error: unknown) => {
      if (!isRefusal(error)) throw error
      unreadable.push(key)
      return null
    })

  for await (const known of scan(redis, '*video*', signal)) {
    const records = known.filter((key) => key.startsWith(jobRecordKey('')))
    const states = await Promise.all(records.map((key) => read(key, redis.field(key, 'state'))))
    for (const [at, key] of records.entries()) {
      const [jobId = '', part] = key.slice(jobRecordKey('').length).split('/', 2)
      const state = states[at] as JobRecord['state'] | null
      if (unreadable.includes(key)) continue
      if (part !== undefined) countPart(parts, jobId, state)
      else if (state === 'done' || state === 'dead' || state === 'cancelled') ended[state] += 1
      else {
        const record = asRecord(jobId, asFields(await redis.ask('hgetall', key)))
        if (record) jobs.push(record)
      }
    }
    for (const key of known.filter((each) => each.startsWith(workerKey('')))) {
      const report = readWorkerReport(await read(key, redis.get(key)))
      if (report) workers.push(report)
    }
    for (const key of known) {
      const tenant = Number(backlogName.exec(key)?.[1] ?? Number.NaN)
      const count = Number.isNaN(tenant) ? 0 : Number(await read(key, redis.get(backlogKey(tenant))))
      if (count !== 0) backlog.set(tenant, count)
    }
  }
  return {
    workers: workers.sort((a, b) => a.workerId.localeCompare(b.workerId)),
    jobs: jobs.sort((a, b) => b.updatedMs - a.updatedMs || a.jobId.localeCompare(b.jobId)),
    ...{ parts, ended, backlog, unreadable, nowMs: await redisNow(redis) },
  }
}

/** Milliseconds since 1970 by the clock of Redis. */
export async function redisNow(redis: RedisConsole): Promise<number> {
  const [seconds = 0, micros = 0] = ((await redis.ask('time')) as (string | number)[]).map(Number)
  return seconds * 1000 + Math.floor(micros / 1000)
}

/** Keys in batches, each once, without holding Redis up. */
export async function* scan(
  redis: RedisConsole,
  pattern: string,
  signal: AbortSignal,
): AsyncGenerator<string[]> {
  // Redis may give a key twice.
  const seen = new Set<string>()
  for (let cursor = '0'; ; ) {
    signal.throwIfAborted()
    const answer = (await redis.ask('scan', cursor, 'MATCH', pattern, 'COUNT', scanCount)) as [
      string,
      string[],
    ]
    yield answer[1].filter((key) => !seen.has(key) && seen.add(key))
    cursor = answer[0]
    if (cursor === '0') return
  }
}

function countPart(parts: Map<string, PartCounts>, jobId: string, state: string | null | undefined): void {
  const counts = parts.get(jobId) ?? { total: 0, done: 0, running: 0 }
  counts.total += 1
  if (state === 'done') counts.done += 1
  if (state === 'running') counts.running += 1
  parts.set(jobId, counts)
}
