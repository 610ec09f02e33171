import type { FindingCode } from './finding.ts'
import type { Limits } from './limits.ts'
import { type Look, stands, windowSeconds } from './look.ts'
import { isHeld, isOpen, type JobRow, parentOf, type Records } from './records.ts'

/**
 * Why a job's message must be gone: older than the queue keeps any, or the queue was empty for minutes in which nothing
 * happened to the job; or nothing happened to it for so long that sending it again is the lesser evil (a job that is
 * sent twice is done once).
 */
export type Proof = 'retention' | 'empty' | 'backstop'

/** What is wrong with a job, before anybody has looked up its message's body. */
export interface JobVerdict {
  readonly code: Extract<FindingCode, 'job_without_message' | 'job_unjoined' | 'job_stalled'>
  readonly row: JobRow
  readonly ageSeconds: number
  /** Undefined for a stalled job whose message is there. */
  readonly proof: Proof | undefined
  /** Of a stalled job: nobody can hold its message, so that it may be put back. */
  readonly free: boolean
  /** Of a shared job: parts that have not ended. */
  readonly parts: number
}

/**
 * Jobs that make no progress. Parts are not judged by themselves: the join of their job sends again what is lost. Pure.
 */
export function judgeJobs(records: Records, look: Look, limits: Limits): JobVerdict[] {
  const { now } = records
  const parts = new Map<string, JobRow[]>()
  for (const row of records.rows) {
    const jobId = parentOf(row.jobId)
    if (jobId !== row.jobId) parts.set(jobId, [...(parts.get(jobId) ?? []), row])
  }
  return records.rows
    .filter((row) => isOpen(row) && !row.jobId.includes('/'))
    .flatMap((row) => {
      const own = row.state === 'fanned' ? (parts.get(row.jobId) ?? []) : []
      if ([row, ...own].some((each) => isHeld(each, now))) return []
      return judge(row, own)
    })

  function judge(row: JobRow, own: readonly JobRow[]): JobVerdict[] {
    const last = Math.max(...[row, ...own].map(lastChange))
    const { ageSeconds, proof } = judgeLoss(last, now, look, limits)
    const open = own.filter(isOpen).length
    const common = { row, ageSeconds, proof, parts: open }
    if (proof !== undefined)
      return [
        { ...common, code: row.state === 'fanned' ? 'job_unjoined' : 'job_without_message', free: true },
      ]
    const expiredSeconds = (now - row.leaseUntil) / 1000
    if (row.state !== 'running' || expiredSeconds < limits.stalledSeconds) return []
    const untouched = stands(look.idleSince, now, limits)
    return [{ ...common, code: 'job_stalled', free: untouched || expiredSeconds > limits.holdSeconds }]
  }
}

/** Whether a message must be gone by now of something that changed last at `last`. */
function judgeLoss(
  last: number,
  now: number,
  look: Look,
  limits: Limits,
): { ageSeconds: number; proof: Proof | undefined } {
  const age = (now - last) / 1000
  const empty = age > windowSeconds(limits) && stands(look.emptySince, now, limits)
  const proof =
    age > look.retentionSeconds + limits.settleSeconds
      ? 'retention'
      : empty
        ? 'empty'
        : age > limits.backstopSeconds
          ? 'backstop'
          : undefined
  return { ageSeconds: Math.max(0, Math.round(age)), proof }
}

function lastChange({ updated, sent, leaseUntil }: JobRow): number {
  return Math.max(updated, sent, leaseUntil)
}

/** A part that waits although its job has ended. */
export interface PartVerdict {
  readonly row: JobRow
  readonly ageSeconds: number
  /** '' for a job without a record. */
  readonly parentState: string
}

/**
 * Parts that the backlog counts for ever: their job has ended, or nobody remembers it, so that no join sends them again.
 * Most of them have a message that ends them when a worker receives it; these have not changed for the whole patience
 * of a message that is looked for. Pure.
 */
export function judgeParts(records: Records, look: Look, limits: Limits): PartVerdict[] {
  const states = new Map(records.rows.map(({ jobId, state }) => [jobId, state]))
  return records.rows.flatMap((row) => {
    const parent = parentOf(row.jobId)
    const parentState = states.get(parent) ?? ''
    const ended = ['done', 'dead', 'cancelled', ''].includes(parentState)
    if (parent === row.jobId || row.state !== 'waiting' || !ended) return []
    const verdict = judgeLoss(lastChange(row), records.now, look, limits)
    if (verdict.proof === undefined) return []
    return [{ row, ageSeconds: verdict.ageSeconds, parentState }]
  })
}
