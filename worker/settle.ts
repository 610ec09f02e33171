import { fullJitter, retry } from '../shared/backoff.ts'
import type { Config } from '../shared/config.ts'
import { asWorkerError, WorkerError } from '../shared/errors.ts'
import type { FinalState, JobRecords } from '../shared/jobs.ts'
import type { Logger } from '../shared/logger.ts'
import type { Queue } from '../shared/queue.ts'
import { now } from '../shared/time.ts'
import type { Delivery } from './intake.ts'
import type { Ending } from './job/work.ts'
import type { Lease } from './lease.ts'
import { type Attempts, type Outcome, outcomeOfError } from './outcome.ts'

/** What a hand-back may take when the time of everything else is over, in milliseconds. */
const handBackMs = 4_000

/** Letting go of a lost job's record has its own time, in milliseconds: the job's signal has ended with its lease. */
const letGoMs = 10_000

/** A message younger than this may be older than its row in the API, in seconds: lesson 12. */
const freshSeconds = 300

export interface SettleInput<Result> {
  readonly queue: Queue
  readonly records: JobRecords
  readonly config: Config['job']
  readonly logger: Logger
  readonly delivery: Delivery
  readonly lease: Lease
  readonly attempts: Attempts
  readonly ending: Ending<Result>
  /** Bounds the callbacks and clean-ups; aborted only by a lost lease or a forced stop. */
  readonly signal: AbortSignal
  /** Resolves when none of this worker's own polls is open: a message made visible at once would come straight back. */
  pollsEnded(): Promise<void>
  /** Hears what stood in the way of settling. */
  onError?(error: WorkerError): void
}

/** Turns an outcome into its queue actions: the only place that deletes, parks or gives back a job's message. */
export async function settle<Result>(
  outcome: Outcome<Result>,
  input: SettleInput<Result>,
): Promise<Outcome<Result>['type']> {
  try {
    await act(outcome, outcome.type === 'released' ? withTime(input) : input)
    return outcome.type
  } catch (thrown) {
    // The API, the bucket or the queue is away, or says that the job is somebody else's: that decides now.
    const error = asWorkerError(input.signal.aborted ? input.signal.reason : thrown)
    input.onError?.(error)
    input.logger.warn({ err: error, outcome: outcome.type }, 'the outcome could not be settled')
    const next: Outcome<Result> =
      error.kind === 'lost'
        ? { type: 'lost', error }
        : error.kind === 'failed' && (outcome.type === 'done' || error.code === 'api_refused')
          ? outcomeOfError(error, new AbortController().signal, input.attempts, input.config)
          : { type: 'released', error }
    await act(next, next.type === 'released' ? withTime(input) : input).catch((again: unknown) => {
      // Nothing was deleted: the message comes back when its visibility ends.
      input.logger.error({ err: again, outcome: next.type }, 'the message is left to its visibility timeout')
    })
    return next.type
  }
}

/** A forced stop cuts callbacks and clean-ups off, not the hand-back that it is for. */
function withTime<Result>(input: SettleInput<Result>): SettleInput<Result> {
  return input.signal.aborted ? { ...input, signal: AbortSignal.timeout(handBackMs) } : input
}

async function act<Result>(outcome: Outcome<Result>, input: SettleInput<Result>): Promise<void> {
  const { ending, signal, logger, queue, delivery } = input
  if (outcome.type !== 'lost') input.lease.check()
  switch (outcome.type) {
    case 'lost': {
      await input.lease.stop()
      // Fenced: a job that somebody took over stays his. One that nobody took is let go of, which is no crash: its
      // lease ran out here, or a second delivery of its message made our handle a stale one.
      const token = input.lease.token()
      if (token !== undefined) await release('releases', token, AbortSignal.timeout(letGoMs)).catch(() => {})
      return
    }

    case 'published':
      await finish('done', {})
      return acknowledge()

    case 'done': {
      const answer = await ending.complete(outcome.result, signal)
      if (answer === 'gone') {
        refuseFresh()
        const error = new WorkerError(
          'video_deleted',
          'the API no longer has the video; its files are removed',
        )
        return act({ type: 'cancelled', error }, input)
      }
      await finish('done', { result: outcome.result })
      await ending.tidy(outcome.result, signal).catch((error: unknown) => {
        logger.warn({ err: error }, 'older versions or the ledger could not be removed')
      })
      return acknowledge()
    }

    case 'fanned': {
      // Plan and messages are stored: the slot is free, the record waits for its join.
      const token = input.lease.token()
      input.lease.leaveRecord()
      if (token !== undefined) {
        await input.records.fanOut(ending.identity, token).catch((error: unknown) => {
          logger.warn({ err: error }, 'the job record could not be left to its parts')
        })
      }
      // Not an end: a cancel that was asked for meanwhile is for the parts to hear.
      await input.lease.stop()
      return queue.delete(delivery.receiptHandle, signal)
    }

    case 'cancelled':
      await ending.rememberCancel?.()
      if (outcome.error.code === 'cancelled') await ending.fail(outcome.error, signal)
      await ending.removeOutput(outcome.error, signal)
      await ending.giveUp?.('cancelled', outcome.error, signal)
      await finish('cancelled', { error: outcome.error })
      return acknowledge()

    case 'rejected':
      // The callback first: when it says that the job is somebody else's, nothing may be removed.
      if ((await ending.fail(outcome.error, signal)) === 'gone') refuseFresh()
      await ending.removeOutput(outcome.error, signal)
      await ending.giveUp?.('dead', outcome.error, signal)
      await finish('dead', { error: outcome.error })
      return acknowledge()

    case 'failed': {
      if (!outcome.last) return giveBack(outcome.count, backoffSeconds(input.attempts[outcome.count] + 1))
      await ending.fail(outcome.error, signal).catch((error: unknown) => {
        // An API that will not hear of it must not keep a job alive that is given up; the DLQ has it.
        if (asWorkerError(error).code !== 'api_refused') throw error
        logger.error({ err: error }, 'the API refused the last word on the job')
      })
      await ending.removeOutput(outcome.error, signal)
      await ending.giveUp?.('dead', outcome.error, signal)
      await queue.park(delivery, `${outcome.error.code}: ${outcome.error.message}`, signal)
      await finish('dead', { error: outcome.error, revivable: true })
      return acknowledge()
    }

    case 'released': {
      const drained = outcome.error.code === 'drained'
      if (drained) await input.pollsEnded()
      const instant = drained || outcome.error.code === 'lease_cap'
      return giveBack('releases', instant ? 0 : backoffSeconds(input.attempts.releases + 1))
    }
  }

  function backoffSeconds(attempt: number): number {
    const { backoffBaseSeconds: base, backoffCapSeconds: cap } = input.config
    return Math.max(1, Math.round(fullJitter({ base, cap, attempt })))
  }

  /** The record's end, fenced. Redis away: the message decides alone, and a recount repairs the counter. */
  async function finish(
    state: FinalState,
    end: { result?: Result; error?: WorkerError; revivable?: boolean },
  ): Promise<void> {
    const token = await input.lease.claimNow()
    if (token === undefined) return
    input.lease.leaveRecord()
    const { revivable = false, ...rest } = end
    const write = () =>
      input.records.finish(ending.identity, token, {
        state,
        status: ending.status({ state, ...rest }),
        revivable,
      })
    try {
      const answer = await retry(write, { tries: 3, base: 0.2, cap: 2, signal })
      if (answer === 'lost')
        throw new WorkerError('lease_lost', 'another worker took the job over before it was settled')
    } catch (error) {
      if (asWorkerError(error).kind === 'lost') throw error
      logger.warn({ err: error }, 'the job record could not be ended')
    }
  }

  /** A row may be saved after its message is sent: not found is no answer yet (lesson 12). */
  function refuseFresh(): void {
    const ageSeconds = (now() - delivery.sentMs) / 1000
    if (ageSeconds > freshSeconds) return
    throw new WorkerError(
      'video_unknown',
      `the API does not know the video, ${Math.round(ageSeconds)} s after its message was sent`,
    )
  }

  async function acknowledge(): Promise<void> {
    await ending
      .ended?.()
      .catch((error: unknown) => logger.warn({ err: error }, 'the end could not be tidied'))
    await input.lease.stop()
    await queue.delete(delivery.receiptHandle, signal)
  }

  function release(
    count: 'failures' | 'crashes' | 'releases',
    token: number,
    within = signal,
  ): Promise<number> {
    // Tried again: a hand-back that Redis missed would count as a crash.
    const give = () => input.records.release(ending.identity, token, count)
    return retry(give, { tries: 3, base: 0.2, cap: 2, signal: within })
  }

  async function giveBack(count: 'failures' | 'crashes' | 'releases', seconds: number): Promise<void> {
    await input.lease.stop()
    const token = input.lease.token()
    const answer =
      token === undefined
        ? -1
        : await release(count, token).catch((error: unknown) => {
            logger.warn({ err: error }, 'the job record could not be given back')
            return -1
          })
    if (answer === 0) throw new WorkerError('lease_lost', 'the job is somebody else’s, or has ended')
    await queue.extend(delivery.receiptHandle, seconds, signal)
  }
}
