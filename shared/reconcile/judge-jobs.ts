import type { FindingCode } from './finding.ts'
import type { Limits } from './limits.ts'
import { type Look, stands, windowSeconds } from './look.ts'
import { isHeld, isOpen, type JobRow, type Records } from './records.ts'

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
    const slash = row.jobId.indexOf('/')
    if (slash < 0) continue
    const jobId = row.jobId.slice(0, slash)
    parts.set(jobId, [...(parts.get(jobId) ?? []), row])
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
    const ageSeconds = Math.max(0, Math.round((now - last) / 1000))
    const proof = proofOf(last)
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

  function proofOf(last: number): Proof | undefined {
    const age = (now - last) / 1000
    if (age > look.retentionSeconds + limits.settleSeconds) return 'retention'
    const untouched = age > windowSeconds(limits)
    if (untouched && stands(look.emptySince, now, limits)) return 'empty'
    return age > limits.backstopSeconds ? 'backstop' : undefined
  }
}

function lastChange({ updated, sent, leaseUntil }: JobRow): number {
  return Math.max(updated, sent, leaseUntil)
}
