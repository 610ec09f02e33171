import { firstReason } from './abort.ts'
import { sleep } from './time.ts'

export interface Backoff {
  /** Seconds: the ceiling of the first wait. */
  base: number
  /** Seconds: no wait is longer. */
  cap: number
}

/**
 * Seconds to wait before retry number `attempt` (1 = after the first failure): anything from 0 to
 * min(cap, base x 2^(attempt - 1)), evenly. "Full jitter": of the known schemes the one that spreads a crowd of
 * clients best, so that an outage is not followed by a stampede.
 */
export function fullJitter(options: Backoff & { attempt: number; random?: () => number }): number {
  const { base, cap, attempt, random = Math.random } = options
  const ceiling = Math.min(cap, base * 2 ** Math.max(0, attempt - 1))
  return random() * ceiling
}

export interface RetryOptions extends Backoff {
  /** Calls at most, the first one included. */
  tries: number
  signal: AbortSignal
  /** Whether trying again can help; default: always. */
  retryIf?: (error: unknown) => boolean
  /** Told before each wait; `attempt` counts the failures so far. What it throws ends the retrying. */
  onRetry?: (error: unknown, attempt: number, delaySeconds: number) => void
  random?: () => number
}

/**
 * Calls `fn` until it succeeds, `tries` are used up or `retryIf` says no; throws the last error. An abort ends it
 * at once, even in a wait, with the signal's reason. `fn` gets the number of the try, from 1.
 */
export async function retry<T>(fn: (attempt: number) => Promise<T>, options: RetryOptions): Promise<T> {
  const { tries, signal, retryIf = () => true, onRetry } = options
  for (let attempt = 1; ; attempt++) {
    signal.throwIfAborted()
    try {
      return await fn(attempt)
    } catch (error) {
      if (signal.aborted) throw firstReason(signal, error)
      if (attempt >= tries || !retryIf(error)) throw error
      const delaySeconds = fullJitter({ ...options, attempt })
      onRetry?.(error, attempt, delaySeconds)
      await sleep(delaySeconds * 1000, { signal })
    }
  }
}
