/**
 * The only timers of the product. Everything that waits goes through here, so that a test can see what waits
 * and nothing sleeps without a signal. All durations are milliseconds.
 */

/** setTimeout fires at once for anything longer (it keeps a signed 32-bit count): about 24.8 days. */
const longestTimerMs = 2 ** 31 - 1

export interface Stoppable {
  stop(): void
}

export interface Deadline {
  /** Aborts with the parent's reason or with the deadline's error, whichever came first. */
  readonly signal: AbortSignal
  /** Starts the time over: for a limit on silence instead of a limit on the whole. Does nothing once aborted. */
  restart(): void
  [Symbol.dispose](): void
}

/** Milliseconds on a clock that never jumps: for leases, deadlines and speeds. Its zero means nothing. */
export function monotonicMs(): number {
  return performance.now()
}

/** Milliseconds since 1970: only for what people or other machines read. Jumps when the clock is set. */
export function now(): number {
  return Date.now()
}

/** Resolves after `ms`; rejects with the signal's reason as soon as that aborts. Keeps the process alive. */
export function sleep(ms: number, { signal }: { signal: AbortSignal }): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason)
    const end = monotonicMs() + ms
    let timer = setTimeout(wake, timerMs(ms))
    signal.addEventListener('abort', stop, { once: true })

    function wake(): void {
      const left = end - monotonicMs()
      if (left > 1) {
        timer = setTimeout(wake, timerMs(left))
        return
      }
      signal.removeEventListener('abort', stop)
      resolve()
    }
    function stop(): void {
      clearTimeout(timer)
      reject(signal.reason)
    }
  })
}

/**
 * Calls `fn` every `ms`, the first time after `ms`. Calls never overlap: while one runs the next are left out, so a
 * call that can hang needs a limit of its own. What `fn` throws goes to `onError`, or is shown as a process warning: a beat must
 * never end because one of its calls failed. Does not keep the process alive.
 */
export function every(
  ms: number,
  fn: () => unknown,
  options: { signal?: AbortSignal; onError?: (error: unknown) => void } = {},
): Stoppable {
  const { signal, onError = warn } = options
  if (signal?.aborted) return { stop: () => {} }
  let running = false
  const timer = setInterval(async () => {
    if (running) return
    running = true
    try {
      await fn()
    } catch (error) {
      onError(error)
    } finally {
      running = false
    }
  }, timerMs(ms))
  timer.unref()
  signal?.addEventListener('abort', stop, { once: true })

  function stop(): void {
    clearInterval(timer)
    signal?.removeEventListener('abort', stop)
  }
  return { stop }
}

/**
 * A signal that follows `parent` and aborts by itself with `makeError()` after `ms`. One controller, so the first
 * reason wins (AbortSignal.any can report the wrong one when nobody listened: measured on Node 24.21).
 * Dispose it (`using`) when the work is done, else the timer keeps the process alive.
 */
export function deadline(ms: number, parent: AbortSignal, makeError: () => Error): Deadline {
  const controller = new AbortController()
  let timer: NodeJS.Timeout | undefined
  const follow = () => finish(parent.reason)
  const expire = () => finish(makeError())

  function finish(reason: unknown): void {
    dispose()
    controller.abort(reason)
  }
  function dispose(): void {
    clearTimeout(timer)
    timer = undefined
    parent.removeEventListener('abort', follow)
  }

  if (parent.aborted) follow()
  else {
    parent.addEventListener('abort', follow, { once: true })
    timer = setTimeout(expire, timerMs(ms))
  }
  return {
    signal: controller.signal,
    restart() {
      // refresh keeps the timer object: cheap enough to call for every line of progress
      timer?.refresh()
    },
    [Symbol.dispose]: dispose,
  }
}

function timerMs(ms: number): number {
  return Math.min(Math.max(0, ms), longestTimerMs)
}

function warn(error: unknown): void {
  process.emitWarning(error instanceof Error ? error : String(error), { code: 'VIDEO_WORKER_TIMER' })
}
