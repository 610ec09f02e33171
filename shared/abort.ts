/** Small helpers round AbortSignal. The rule everywhere: the first reason to stop wins, and is what is thrown. */

/**
 * The promise's outcome, or a rejection with the signal's reason as soon as that aborts. For work that takes no
 * signal of its own: it goes on unseen, so use it only where that is harmless. A late failure is swallowed.
 */
export function withSignal<T>(promise: PromiseLike<T>, signal: AbortSignal): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const stop = () => reject(signal.reason)
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop, { once: true })
    promise.then(
      (value) => {
        signal.removeEventListener('abort', stop)
        resolve(value)
      },
      (error) => {
        signal.removeEventListener('abort', stop)
        reject(error)
      },
    )
  })
}

/** Resolves when the signal aborts (at once when it already has); never rejects. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

/**
 * What to throw when something failed under a signal: the signal's reason if it has aborted, since the failure is
 * then only its echo (a killed encoder is not an encode error: lesson 15), else the failure itself.
 */
export function firstReason(signal: AbortSignal, error: unknown): unknown {
  return signal.aborted ? signal.reason : error
}
