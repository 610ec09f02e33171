import { monotonicMs } from '../shared/time.ts'
import type { SlotReport } from '../shared/worker-report.ts'
import type { RunningJob } from './slot.ts'

/**
 * The worker's states, in order; it never goes back:
 *   starting: the boot checks run, nothing is polled
 *   running:  every free slot polls
 *   draining: intake is stopped, jobs finish or are handed back
 *   stopped:  every slot is empty
 */
export type WorkerState = 'starting' | 'running' | 'draining' | 'stopped'

/** The snapshot behind /status; times in seconds. */
export interface WorkerStatus {
  readonly state: WorkerState
  readonly workerId: string
  readonly configHash: string
  readonly apiAuthorized: boolean
  readonly scratchFree: boolean
  readonly bucketWritable: boolean
  readonly uptimeSeconds: number
  readonly slots: readonly SlotReport[]
}

export function slotStatus(job: RunningJob) {
  const { step, percent, remaining_seconds: remainingSeconds } = job.reporter.value
  return {
    ...{ state: 'busy' as const, jobId: job.jobId, kind: job.kind, attempt: job.attempt },
    ...{ stage: step, percent, remainingSeconds },
    seconds: Math.round((monotonicMs() - job.startedMs) / 1000),
    leaseSlackSeconds: Math.round(job.lease.slackMs() / 1000),
  }
}
