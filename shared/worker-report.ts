/** What a running worker says of itself in Redis, under workerKey(id): for `video-worker status`. */

/** How often it is written, and how long it stands, in seconds: a worker that died is not shown for long. */
export const reportEverySeconds = 3
export const reportTtlSeconds = 15

/** A worker's snapshot with the process behind it. Times in seconds, `reportedAt` and `startedAt` in ISO 8601. */
export interface WorkerReport {
  readonly workerId: string
  readonly version: string
  readonly host: string
  readonly pid: number
  readonly startedAt: string
  readonly reportedAt: string
  /** starting, running, draining or stopped: worker/worker.ts. */
  readonly state: string
  readonly configHash: string
  readonly apiAuthorized: boolean
  readonly scratchFree: boolean
  readonly slots: readonly SlotReport[]
}

export type SlotReport =
  | { readonly state: 'idle' }
  | {
      readonly state: 'busy'
      readonly jobId: string
      readonly kind: string
      readonly attempt: number
      readonly stage: string
      readonly percent: number
      readonly remainingSeconds: number | null
      readonly seconds: number
      readonly leaseSlackSeconds: number
    }

/** The report in a key's value; undefined when it is none, or none of a version that is known here. */
export function readWorkerReport(value: string | null): WorkerReport | undefined {
  try {
    const report = JSON.parse(value ?? 'null') as WorkerReport | null
    return typeof report?.workerId === 'string' && Array.isArray(report.slots) ? report : undefined
  } catch {
    return undefined
  }
}
