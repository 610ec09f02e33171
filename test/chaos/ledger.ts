/** The account of a run: what went in, what came out, and everything that does not balance. Pure. */
import { type ErrorCode, errorCodes } from '../../shared/errors.ts'
import type { SourceKind } from './schedule.ts'

/** A terminal callback that the API accepted as news: what it had heard before is `idempotent` and no second one. */
export interface End {
  readonly name: 'complete' | 'fail'
  /** Of a fail. */
  readonly code: string
  /** From the start of the run. */
  readonly atMs: number
}

export interface JobFacts {
  readonly jobId: string
  readonly video: number
  readonly source: SourceKind
  /** When people asked for it, from the start of the run. */
  readonly cancelledMs?: number | undefined
  readonly deletedMs?: number | undefined
  readonly ends: readonly End[]
  /** So often a worker began it, or one of its parts. */
  readonly starts: number
  /** Objects that its playlists name and the bucket does not have. */
  readonly missing: readonly string[]
  /** Objects of the video beside those of a published tree; of a deleted one also its source. */
  readonly strays: readonly string[]
  /** Of the status key in Redis; undefined when there is none. */
  readonly status: string | undefined
  /** The delete of the video was given up, and lies in the dead-letter queue. */
  readonly deleteIsDead: boolean
}

/** A time in which Redis took no writes, or at whose end it had lost everything. */
export interface Gap {
  readonly fromMs: number
  readonly toMs: number
  readonly wiped: boolean
}

export interface DeadLetter {
  readonly body: string
  readonly reason: string
  /** '' for what is no job. */
  readonly jobId: string
  /** The video that it deletes. */
  readonly deletes: number | undefined
}

export interface RunFacts {
  readonly jobs: readonly JobFacts[]
  /** Bodies of what was sent and is no job. */
  readonly poison: readonly string[]
  readonly deadLetters: readonly DeadLetter[]
  readonly queue: { readonly waiting: number; readonly inFlight: number; readonly delayed: number }
  /** Each tenant's counter, and what its records say. */
  readonly backlog: readonly {
    readonly tenant: number
    readonly count: number
    readonly recount: number
  }[]
  readonly gaps: readonly Gap[]
  readonly processes: readonly string[]
  readonly scratch: readonly string[]
  readonly uploads: readonly string[]
  /** How workers ended, and how often, but for what was done to them. */
  readonly exits: readonly string[]
  /** Errors of code `internal` in the logs. */
  readonly faults: readonly string[]
  /** What had not come to rest in time. */
  readonly unsettled: readonly string[]
}

export type JobEnd = 'complete' | 'rejected' | 'dead' | 'cancelled' | 'deleted' | 'open'

export interface Breach {
  readonly rule: string
  readonly what: string
  readonly jobId?: string
}

export interface Balance {
  readonly jobs: number
  readonly ended: Readonly<Record<JobEnd, number>>
  readonly callbacks: number
  /** Second callbacks of jobs whose first end Redis had lost. */
  readonly forgotten: number
  readonly breaches: readonly Breach[]
}

export interface LedgerLimits {
  readonly maxAttempts: number
  readonly maxCrashes: number
}

export function balance(facts: RunFacts, limits: LedgerLimits): Balance {
  const breaches: Breach[] = []
  const ended: Record<JobEnd, number> = {
    ...{ complete: 0, rejected: 0, dead: 0, cancelled: 0, deleted: 0, open: 0 },
  }
  let forgotten = 0
  for (const job of facts.jobs) {
    const breach = (rule: string, what: string) => breaches.push({ rule, what, jobId: job.jobId })
    const end = endOf(job)
    ended[end] += 1
    if (end === 'open') breach('ends', `nobody was told how the ${job.source} job ended`)
    if (job.ends.length > 1) {
      if (isForgotten(job, facts.gaps)) forgotten += job.ends.length - 1
      else breach('one callback', `the API took ${job.ends.map(told).join(', ')}`)
    }
    checkReason(job, end, limits, breach)
    checkOutput(job, end, breach)
    const parked = facts.deadLetters.some(({ jobId }) => jobId === job.jobId)
    if (end === 'dead' && !parked) breach('dead letters', 'it was given up, and is not there')
    if (parked && !job.ends.some(isGivenUp)) breach('dead letters', `it is there, and the job is ${end}`)
  }
  const breach = (rule: string, what: string) => breaches.push({ rule, what })
  for (const body of facts.poison)
    if (!facts.deadLetters.some((letter) => letter.body === body)) breach('dead letters', `without ${body}`)
  const isKnown = (job: JobFacts, { jobId, deletes }: DeadLetter) =>
    job.jobId === jobId || (job.deletedMs !== undefined && job.video === deletes)
  for (const letter of facts.deadLetters) {
    const { body, reason } = letter
    if (!facts.poison.includes(body) && !facts.jobs.some((job) => isKnown(job, letter)))
      breach('dead letters', `nobody sent ${body} (${reason})`)
  }
  const { waiting, inFlight, delayed } = facts.queue
  if (waiting + inFlight + delayed > 0)
    breach('queue', `${waiting} wait, ${inFlight} in flight, ${delayed} later`)
  for (const { tenant, count, recount } of facts.backlog)
    if (count !== 0 || recount !== 0)
      breach('backlog', `tenant ${tenant} has ${count}, a recount gives ${recount}`)
  const leftovers = ['processes', 'scratch', 'uploads', 'exits', 'faults', 'unsettled'] as const
  for (const rule of leftovers) for (const what of facts[rule]) breach(rule, what)
  const callbacks = facts.jobs.reduce((sum, { ends }) => sum + ends.length, 0)
  return { jobs: facts.jobs.length, ended, callbacks, forgotten, breaches }
}

/** How the API sees the job now: its last accepted word; a row that is gone needs none. */
export function endOf({ ends, deletedMs }: JobFacts): JobEnd {
  if (deletedMs !== undefined) return 'deleted'
  const last = ends.at(-1)
  if (!last) return 'open'
  if (last.name === 'complete') return 'complete'
  if (last.code === 'cancelled') return 'cancelled'
  return isGivenUp(last) ? 'dead' : 'rejected'
}

/** A fail that is no fault of the input: tried again until the limit. */
function isGivenUp({ name, code }: End): boolean {
  return name === 'fail' && code !== 'cancelled' && !isRejection(code)
}

function isRejection(code: string): boolean {
  // Its own meaning: the job took three workers with it, and is parked like one that failed.
  return code !== 'crashes_exhausted' && errorCodes[code as ErrorCode]?.kind === 'rejected'
}

/**
 * A job that had failed comes again with a late copy of its message, and Redis does not know that it had: the one
 * thing that only Redis remembers. Never the other way: what is complete lies in the bucket.
 */
function isForgotten({ ends }: JobFacts, gaps: readonly Gap[]): boolean {
  return ends.slice(1).every((end, index) => {
    const before = ends[index]!
    return (
      before.name === 'fail' &&
      gaps.some(({ fromMs, toMs, wiped }) =>
        wiped ? toMs <= end.atMs && toMs >= before.atMs : fromMs <= before.atMs && toMs >= before.atMs,
      )
    )
  })
}

function checkReason(
  job: JobFacts,
  end: JobEnd,
  { maxAttempts, maxCrashes }: LedgerLimits,
  breach: (rule: string, what: string) => void,
): void {
  const { source, starts, ends, cancelledMs } = job
  const shown = source === 'short' || source === 'walked' || source === 'shared'
  if (end === 'complete' && !shown) breach('reason', `a ${source} source was published`)
  if (end === 'rejected' && shown) breach('reason', `a good ${source} source was rejected: ${ends.map(told)}`)
  if (end === 'rejected' && source === 'missing') breach('reason', `a missing source was rejected`)
  if (end === 'cancelled' && cancelledMs === undefined) breach('reason', 'nobody asked for its cancel')
  const least = Math.min(maxAttempts, maxCrashes)
  if (end === 'dead' && starts < least) breach('reason', `given up after ${starts} starts: ${ends.map(told)}`)
}

function checkOutput(job: JobFacts, end: JobEnd, breach: (rule: string, what: string) => void): void {
  for (const key of job.missing) breach('output', `it is complete, and ${key} is not there`)
  // Until somebody starts it afresh: dlq redrive.
  if (job.deleteIsDead) return
  for (const key of job.strays) breach('leftovers', `it is ${end}, and there is ${key}`)
  const wrong = end === 'complete' ? 'FAILED' : 'READY'
  if (end !== 'deleted' && job.status === wrong) breach('status', `it is ${end}, and its status is ${wrong}`)
}

function told({ name, code }: End): string {
  return name === 'fail' ? `fail ${code}` : name
}
