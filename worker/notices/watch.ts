import { asWorkerError } from '../../shared/errors.ts'
import type { Logger } from '../../shared/logger.ts'
import { monotonicMs, sleep } from '../../shared/time.ts'

/** A source that stays silent is named again after this long: never at debug, never each two seconds. */
const sayMs = 60_000

/**
 * Calls `look` every `seconds` until the signal aborts. A look that fails is warned of at once, then once a minute
 * while it goes on failing, and once when it is over.
 */
export async function watch(
  what: string,
  seconds: number,
  look: (signal: AbortSignal) => Promise<void>,
  { logger, signal }: { logger: Logger; signal: AbortSignal },
): Promise<void> {
  let saidMs: number | undefined
  let failures = 0
  while (!signal.aborted) {
    try {
      await look(signal)
      if (failures > 0) logger.info({ failures }, `${what} can be watched again`)
      failures = 0
      saidMs = undefined
    } catch (error) {
      if (signal.aborted) return
      failures += 1
      if (saidMs === undefined || monotonicMs() - saidMs >= sayMs) {
        saidMs = monotonicMs()
        logger.warn({ err: asWorkerError(error), failures }, `${what} cannot be watched`)
      }
    }
    await sleep(seconds * 1000, { signal }).catch(() => {})
  }
}
