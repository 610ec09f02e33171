import type { Config } from '../shared/config.ts'
import { asWorkerError, type WorkerError } from '../shared/errors.ts'

/** How an attempt ended. docs: the outcome table in the README. */
export type Outcome<Result> =
  | { readonly type: 'done'; readonly result: Result }
  | { readonly type: 'fanned' }
  | { readonly type: 'published' }
  | { readonly type: 'rejected'; readonly error: WorkerError }
  | {
      readonly type: 'failed'
      readonly error: WorkerError
      readonly count: 'failures' | 'crashes'
      readonly last: boolean
    }
  | { readonly type: 'released'; readonly error: WorkerError }
  | { readonly type: 'cancelled'; readonly error: WorkerError }
  | { readonly type: 'lost'; readonly error: WorkerError }

/** Earlier ends of the job, from its record: what the next one is counted against. */
export interface Attempts {
  readonly failures: number
  readonly crashes: number
  readonly releases: number
}

/**
 * The outcome from what the job threw and why it was told to stop: the first reason to stop wins over the error
 * that it caused (an encode that was killed by a cancel failed because of the cancel).
 */
export function outcomeOfError<Result>(
  thrown: unknown,
  signal: AbortSignal,
  attempts: Attempts,
  config: Config['job'],
): Outcome<Result> {
  const error = asWorkerError(signal.aborted ? signal.reason : thrown)
  if (error.kind !== 'failed') return { type: error.kind, error }
  const count = error.code === 'encode_stalled' ? 'crashes' : 'failures'
  const last =
    count === 'crashes'
      ? attempts.crashes + 1 >= config.maxCrashes
      : attempts.failures + 1 >= config.maxAttempts
  return { type: 'failed', error, count, last }
}
