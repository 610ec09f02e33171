import { WorkerError } from '../shared/errors.ts'
import { interruptKey } from '../shared/keys.ts'
import type { Logger } from '../shared/logger.ts'
import type { RedisPort } from '../shared/redis.ts'
import { deadline, monotonicMs, sleep } from '../shared/time.ts'
import type { Intake } from './intake.ts'
import type { RunningJob } from './slot.ts'

/** The product reads this key to tell an interrupted fleet from a dead one: contract.md section 3. */
const interruptTtlSeconds = 180

/**
 * Of the drain's time, this much is kept to give the rest back: kill, let the long poll end (20 s at most),
 * write to Redis and SQS.
 */
const handBackSeconds = 30

/** Validating, the first step behind the encode: progress.ts. */
const firstShortStep = 5

export interface DrainInput {
  readonly intake: Intake
  readonly redis: RedisPort
  readonly logger: Logger
  /** Seconds from the call to the end of the process. */
  readonly seconds: number
  running(): RunningJob[]
  /** Resolves when no slot holds a job. */
  idle(): Promise<void>
}

/**
 * Stops intake, lets finish what can finish in time, hands the rest back. The two clocks: jobs are told to stop
 * when their own estimate does not fit the time, at the latest `handBackSeconds` before its end; at the end
 * callbacks and clean-ups are cut off too, and the messages come back by their visibility timeout.
 */
export async function drain(reason: string, input: DrainInput): Promise<'clean' | 'forced'> {
  const { intake, logger } = input
  const startedMs = monotonicMs()
  const graceSeconds = Math.max(0, input.seconds - handBackSeconds)
  logger.info({ reason, seconds: input.seconds, jobs: input.running().length }, 'draining')
  void input.redis.set(interruptKey, '1', interruptTtlSeconds).catch(() => {})
  const pollsEnded = intake.stop()

  const stop = (job: RunningJob, why: string) => {
    logger.info({ jobId: job.jobId, percent: job.reporter.value.percent, why }, 'handing the job back')
    job.stop(new WorkerError('drained', `the worker stops (${reason}); ${why}`))
  }
  for (const job of input.running()) {
    const { step_index: step, remaining_seconds: estimate } = job.reporter.value
    // No estimate is made behind the encode: what is left is seconds, and the late clock still bounds it.
    const remaining = step >= firstShortStep ? 0 : estimate
    if (remaining === null) stop(job, 'its end is not known')
    else if (remaining > graceSeconds)
      stop(job, `it needs ${remaining} s more, the drain gives ${graceSeconds} s`)
  }

  using end = deadline(
    input.seconds * 1000,
    new AbortController().signal,
    () => new Error('the drain has run out of time'),
  )
  // What an open poll still brings is handed to a slot a moment after the poll has ended.
  const finished = pollsEnded
    .then(() => sleep(50, { signal: end.signal }))
    .then(input.idle)
    .then(() => 'clean' as const)
  const late = sleep(graceSeconds * 1000, { signal: end.signal })
    .then(() => {
      for (const job of input.running()) stop(job, 'its time is up')
    })
    .catch(() => {})
  const forced = new Promise<'forced'>((resolve) => {
    end.signal.addEventListener('abort', () => resolve('forced'), { once: true })
  })
  const how = await Promise.race([finished, forced])
  if (how === 'forced') for (const job of input.running()) job.force()
  else void late
  logger.info({ how, seconds: Math.round((monotonicMs() - startedMs) / 1000) }, 'drained')
  return how
}
