/**
 * What the reconciler finds, as data: `findings` (find.ts) looks and changes nothing, `repair` (repair.ts) carries the
 * repairs of a list of findings out, one at a time and under a lock. Both take a World (world.ts).
 */

export type FindingCode =
  /** A job waits, or its worker is gone, and its message is lost. */
  | 'job_without_message'
  /** A shared job whose parts are stored or gone, and nobody is asked to join them. */
  | 'job_unjoined'
  /** The worker of a job is gone; its message is there, and the backlog does not count it. */
  | 'job_stalled'
  /** A part of a shared job that has ended: the backlog counts it, and nobody will take it out. */
  | 'part_left'
  /** A job that only the bucket remembers: Redis was wiped, its message is lost, and it is not published. */
  | 'job_forgotten'
  /** A video is published, and nobody remembers that the API was told. */
  | 'job_unreported'
  /** The ledger (`.work/`) of a job that has ended. */
  | 'ledger_left'
  /** The folder of a job that has ended without a video. */
  | 'folder_left'
  /** A multipart upload of ours that nobody finishes. */
  | 'upload_left'
  /** A tenant's backlog counter differs from a recount. */
  | 'counter_drift'
  /** The truth cannot be learned: what `what` names was not looked at, or not to its end. Nothing is repaired by it. */
  | 'unknown'

export interface Finding {
  readonly code: FindingCode
  /** The job's id, the folder, the key; of `unknown` what could not be learned (`queue`, `redis`, `bucket`, …). */
  readonly what: string
  /** Since when nothing has happened to it, in seconds; null where nobody knows. */
  readonly ageSeconds: number | null
  /** What was seen, for people and logs. */
  readonly evidence: Readonly<Record<string, string | number | boolean>>
  /** What would mend it; null: nothing is to be done, or not yet, `reason` says why. */
  readonly repair: Repair | null
  readonly reason: string
}

/** Each repair names what it was found by, so that it does nothing once that has changed. */
export type Repair =
  | {
      readonly type: 'send'
      readonly jobId: string
      readonly body: string
      /** MessageGroupId. */
      readonly groupId: string
      /** State and last change of the record as found; state '' for a job without a record. */
      readonly found: { readonly state: string; readonly updated: number }
      /** Key of the counter that the job stands in; '' for none. */
      readonly counter: string
      /** It is not sent a second time within so many seconds. */
      readonly againSeconds: number
    }
  | {
      readonly type: 'put_back'
      readonly jobId: string
      /** Key of the counter; '' for a job that is not counted. */
      readonly counter: string
      /** End of the lease as found, milliseconds of the server's clock. */
      readonly leaseUntil: number
    }
  | {
      readonly type: 'end_part'
      /** The part's. */
      readonly jobId: string
      readonly counter: string
      readonly found: { readonly updated: number; readonly parentState: string }
    }
  | {
      readonly type: 'correct_counter'
      readonly key: string
      readonly by: number
      /** Since when it is wrong, milliseconds of the server's clock. */
      readonly since: number
    }
  /** The ledger alone, or the whole folder. Looked at once more right before. */
  | { readonly type: 'remove'; readonly folder: string; readonly only: 'ledger' | 'all' }
  | { readonly type: 'abort_upload'; readonly key: string; readonly uploadId: string }

export interface Repaired {
  readonly finding: Finding
  /**
   * `would`: a dry run. `changed`: no longer as it was found, nothing done. `left`: there is nothing to do, or the run
   * has done as much as one run may. `failed`: with the reason; the next run finds it again.
   */
  readonly result: 'repaired' | 'would' | 'changed' | 'left' | 'failed'
  readonly reason: string
}

export function isRepairable(finding: Finding): boolean {
  return finding.repair !== null
}

/** A finding that says that the truth about `what` could not be learned. */
export function unknown(what: string, reason: string): Finding {
  return { code: 'unknown', what, ageSeconds: null, evidence: {}, repair: null, reason }
}
