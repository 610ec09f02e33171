import { WorkerError } from '../shared/errors.ts'
import { interruptKey } from '../shared/keys.ts'
import type { Logger } from '../shared/logger.ts'
import type { RedisPort } from '../shared/redis.ts'
import { monotonicMs, sleep } from '../shared/time.ts'
import type { Intake } from './intake.ts'
import type { RunningJob } from './slot.ts'

/** The product reads this key to tell an interrupted fleet from a dead one: contract.md section 3. */
const interruptTtlSeconds = 180

/**
 * Of the drain's time, this much is kept to give the rest back: kill, let the long poll end (20 s at most),
 * write to Redis and SQS.
 */
const handBackSeconds = 30

/** A callback or clean-up that still hangs then is cut off, so that its message can be handed back too. */
const lastSeconds = 5

/** Validating, the first step behind the encode: progress.ts. */
const firstShortStep = 5

export interface DrainInput {
  readonly intake: Pick<Intake, 'stop'>
  readonly redis: Pick<RedisPort, 'set'>
  readonly logger: Logger
  /** Seconds from the call to the end of the process. */
  readonly seconds: number
  /** Whether the product is told: of a signal or a Spot notice, not of an orderly scale-in (contract.md section 3). */
  readonly interrupted: boolean
  running(): RunningJob[]
  /** Resolves when no slot holds a job. */
  idle(): Promise<void>
}

export interface Drain {
  readonly ended: Promise<'clean' | 'forced'>
  /** The process must end in `seconds` from now, if that is sooner than what was known. */
  hasten(seconds: number): void
}

/**
 * Stops intake, lets finish what can finish in time, hands the rest back. The two clocks: jobs are told to stop
 * when their own estimate does not fit the time, at the latest `handBackSeconds` before its end; callbacks and
 * clean-ups are cut off `lastSeconds` before it. What is not handed back by then comes back by its visibility timeout.
 */
export function startDrain(reason: string, input: DrainInput): Drain {
  const { intake, logger } = input
  const startedMs = monotonicMs()
  let endMs = startedMs + input.seconds * 1000
  const leftSeconds = () => Math.max(0, (endMs - monotonicMs()) / 1000)
  const graceSeconds = () => Math.max(0, leftSeconds() - handBackSeconds)
  const told = new Set<RunningJob>()
  const { promise: forced, resolve: force } = Promise.withResolvers<'forced'>()
  let clocks = new AbortController()

  logger.info({ reason, seconds: Math.round(input.seconds), jobs: input.running().length }, 'draining')
  if (input.interrupted) void input.redis.set(interruptKey, '1', interruptTtlSeconds).catch(() => {})
  const pollsEnded = intake.stop()

  function stop(job: RunningJob, why: string): void {
    if (told.has(job)) return
    told.add(job)
    logger.info({ jobId: job.jobId, percent: job.reporter.value.percent, why }, 'handing the job back')
    job.stop(new WorkerError('drained', `the worker stops (${reason}); ${why}`))
  }

  /** Hands back at once what cannot end in time, and winds the clocks for the rest. */
  function weigh(): void {
    for (const job of input.running()) {
      const { step_index: step, remaining_seconds: estimate } = job.reporter.value
      // No estimate is made behind the encode: what is left is seconds, and the late clock still bounds it.
      const remaining = step >= firstShortStep ? 0 : estimate
      const grace = Math.round(graceSeconds())
      if (remaining === null) stop(job, 'its end is not known')
      else if (remaining > grace) stop(job, `it needs ${remaining} s more, the drain gives ${grace} s`)
    }
    clocks.abort(new Error('the clocks are wound anew'))
    clocks = new AbortController()
    const { signal } = clocks
    sleep(graceSeconds() * 1000, { signal })
      .then(() => {
        for (const job of input.running()) stop(job, 'its time is up')
      })
      .catch(() => {})
    sleep(Math.max(0, leftSeconds() - lastSeconds) * 1000, { signal })
      .then(() => {
        for (const job of input.running()) job.force()
      })
      .catch(() => {})
    sleep(leftSeconds() * 1000, { signal })
      .then(() => force('forced'))
      .catch(() => {})
  }

  async function end(): Promise<'clean' | 'forced'> {
    // What an open poll still brings is handed to a slot a moment after the poll has ended.
    const finished = pollsEnded
      .then(() => sleep(50, { signal: new AbortController().signal }))
      .then(input.idle)
      .then(() => 'clean' as const)
    const how = await Promise.race([finished, forced])
    clocks.abort(new Error('the drain has ended'))
    logger.info({ how, seconds: Math.round((monotonicMs() - startedMs) / 1000) }, 'drained')
    return how
  }

  weigh()
  return {
    ended: end(),
    hasten(seconds) {
      const sooner = monotonicMs() + seconds * 1000
      if (sooner >= endMs) return
      endMs = sooner
      logger.info({ seconds: Math.round(seconds) }, 'the drain must end sooner')
      weigh()
    },
  }
}
