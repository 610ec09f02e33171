/** What Redis could not be told of a job's end is told when it answers again: else its bar and status would lie for hours. */
import { WorkerError } from '../shared/errors.ts'
import type { Logger } from '../shared/logger.ts'
import { isRefusal } from '../shared/redis.ts'
import { every, monotonicMs } from '../shared/time.ts'

/** How often Redis is asked again. Messages that were handed back come again after seconds: their records should be first. */
const retryMs = 2_000
/** A longer outage is for the reconciler; ends are small, and so many jobs no worker ends in that time. */
const keepMs = 3_600_000
const most = 10_000

export interface LateEnds {
  /** `write` is fenced by the job's token, so that it does nothing once somebody else has the job. */
  add(job: string, write: () => Promise<unknown>): void
  /** Tries the rest once more and stops. */
  close(): Promise<void>
}

interface LateEnd {
  readonly job: string
  readonly sinceMs: number
  readonly write: () => Promise<unknown>
}

/** retryMs: milliseconds between two tries, for tests. */
export function createLateEnds(logger: Logger, options: { retryMs?: number } = {}): LateEnds {
  let waiting: LateEnd[] = []
  let round = Promise.resolve()
  const timer = every(options.retryMs ?? retryMs, () => {
    round = tell()
    return round
  })

  /**
   * In their order. Without an answer the round is over; what Redis answers and does not take (a key that holds something
   * else) stands in nobody's way but in that of the same job's next.
   */
  async function tell(): Promise<void> {
    const refused = new Set<string>()
    for (let next = waiting[0]; next; next = waiting.find(({ job }) => !refused.has(job))) {
      if (monotonicMs() - next.sinceMs < keepMs) {
        try {
          await next.write()
          logger.info({ job: next.job }, 'the job’s end was written late')
        } catch (error) {
          if (error instanceof WorkerError && error.code === 'redis_unavailable') {
            if (!isRefusal(error)) return
            refused.add(next.job)
            continue
          }
          logger.warn({ err: error, job: next.job }, 'the job’s end was not written')
        }
      }
      waiting = waiting.filter((other) => other !== next)
    }
  }

  return {
    add(job, write) {
      waiting.push({ job, sinceMs: monotonicMs(), write })
      if (waiting.length > most) waiting.shift()
    },
    async close() {
      timer.stop()
      await round
      await tell()
    },
  }
}
