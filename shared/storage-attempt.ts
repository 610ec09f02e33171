import type { Readable } from 'node:stream'
import { type Backoff, retry } from './backoff.ts'
import { WorkerError } from './errors.ts'
import { isTransient, storageError } from './storage-errors.ts'
import { deadline } from './time.ts'

/** `run` gets the signal of its try, a function to call when bytes arrive, and the number of the try from 1. */
export type Attempt = <T>(
  action: string,
  key: string,
  signal: AbortSignal,
  limitMs: number,
  run: (abortSignal: AbortSignal, alive: () => void, attempt: number) => Promise<T>,
) => Promise<T>

/** Tries a request until it succeeds, its failure is final, or the tries are used up; throws a WorkerError. */
export function createAttempt(options: {
  tries: number
  backoff: Backoff
  onRetry?: (() => void) | undefined
}): Attempt {
  const { tries, backoff, onRetry } = options
  return async (action, key, signal, limitMs, run) => {
    try {
      return await retry((n) => withStallLimit(limitMs, signal, (s, alive) => run(s, alive, n)), {
        ...backoff,
        tries,
        signal,
        retryIf: isTransient,
        onRetry: () => onRetry?.(),
      })
    } catch (error) {
      throw signal.aborted ? signal.reason : storageError(action, key, error)
    }
  }
}

/**
 * Runs one try of a request: aborted by the caller's signal, or by itself after `ms` without `alive()` being
 * called. The SDK's own timeouts end with the head of the answer, so a body that stops is ours to notice.
 */
export async function withStallLimit<T>(
  ms: number,
  parent: AbortSignal,
  run: (signal: AbortSignal, alive: () => void) => Promise<T>,
): Promise<T> {
  using limit = deadline(ms, parent, () => stalled(ms))
  try {
    return await run(limit.signal, () => limit.restart())
  } catch (error) {
    // The SDK turns every abort into an AbortError of its own: the reason is what happened.
    throw limit.signal.aborted ? limit.signal.reason : error
  }
}

function stalled(ms: number): WorkerError {
  return new WorkerError('storage_unavailable', `The bucket was silent for ${Math.round(ms / 1000)} s`)
}

/** A body of known length in one buffer; throws a transient error when it ends early or goes on too long. */
export async function readExactly(
  body: Readable,
  bytes: number,
  signal: AbortSignal,
  alive: () => void,
): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(bytes)
  let at = 0
  const stop = () => body.destroy(signal.reason)
  signal.addEventListener('abort', stop, { once: true })
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      alive()
      if (at + chunk.length > bytes) throw wrongLength(at + chunk.length, bytes)
      chunk.copy(buffer, at)
      at += chunk.length
    }
    if (at !== bytes) throw wrongLength(at, bytes)
    return buffer
  } finally {
    signal.removeEventListener('abort', stop)
    body.destroy()
  }
}

function wrongLength(got: number, bytes: number): WorkerError {
  return new WorkerError('storage_unavailable', `The bucket sent ${got} of ${bytes} bytes`)
}
