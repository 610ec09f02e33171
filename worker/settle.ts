import { fullJitter } from '../shared/backoff.ts'
import type { Config } from '../shared/config.ts'
import { asWorkerError, WorkerError } from '../shared/errors.ts'
import type { FinalState, JobRecords } from '../shared/jobs.ts'
import type { Logger } from '../shared/logger.ts'
import type { Queue } from '../shared/queue.ts'
import { now } from '../shared/time.ts'
import type { Delivery } from './intake.ts'
import { type Ending, freshSeconds } from './job/work.ts'
import type { LateEnds } from './late-ends.ts'
import type { Lease } from './lease.ts'
import { type Attempts, type Outcome, outcomeOfError } from './outcome.ts'
import { finishRecord, leaveToParts, releaseRecord } from './settle-record.ts'
import { showAgain } from './show-again.ts'

/** What a hand-back may take when the time of everything else is over, in milliseconds. */
const handBackMs = 4_000

/** Letting go of a lost job's record has its own time, in milliseconds: the job's signal has ended with its lease. */
const letGoMs = 10_000

/** A bucket that could not remove what a job leaves that has ended is asked again after this long. */
const sweepAfterSeconds = 60

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
  /** Where what Redis did not take is kept until it does. */
  readonly lateEnds?: LateEnds
  /** Says of what stood in the way of settling whether it is the job's own matter. */
  judge?(error: WorkerError): Promise<WorkerError>
}

/** Turns an outcome into its queue actions: the only place that deletes, parks or gives back a job's message. */
export async function settle<Result>(
  outcome: Outcome<Result>,
  input: SettleInput<Result>,
): Promise<Outcome<Result>['type']> {
  try {
    await act(outcome, outcome.type === 'released' ? await timeToHandBack(outcome.error, input) : input)
    return outcome.type
  } catch (thrown) {
    // The API, the bucket or the queue is away, or says that the job is somebody else's: that decides now.
    const found = asWorkerError(input.signal.aborted ? input.signal.reason : thrown)
    const error = (await input.judge?.(found)) ?? found
    input.logger.warn({ err: error, outcome: outcome.type }, 'the outcome could not be settled')
    const next: Outcome<Result> =
      error.kind === 'lost'
        ? { type: 'lost', error }
        : error.kind === 'failed' && (outcome.type === 'done' || error.code === 'api_refused')
          ? outcomeOfError(error, new AbortController().signal, input.attempts, input.config)
          : { type: 'released', error }
    const last = next.type === 'released' ? await timeToHandBack(next.error, input) : input
    await act(next, last).catch((again: unknown) => {
      // Nothing was deleted: the message comes back when its visibility ends.
      input.logger.error({ err: again, outcome: next.type }, 'the message is left to its visibility timeout')
    })
    return next.type
  }
}

/**
 * A worker that stops waits for its own polls. A forced stop cuts callbacks and clean-ups off, not the hand-back that it
 * is for: the time of that begins now.
 */
async function timeToHandBack<Result>(
  error: WorkerError,
  input: SettleInput<Result>,
): Promise<SettleInput<Result>> {
  if (error.code === 'drained') await input.pollsEnded()
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
      if (token !== undefined)
        await releaseRecord(input, 'releases', token, AbortSignal.timeout(letGoMs)).catch(() => {})
      return
    }

    case 'published':
      await finishRecord(input, { state: 'done' })
      return sweepAndAcknowledge('done')

    case 'done': {
      const answer = await ending.complete(outcome.result, signal)
      if (answer === 'gone') return actDeleted()
      await finishRecord(input, { state: 'done', result: outcome.result })
      const tidied = await ending.tidy(outcome.result, signal).then(
        () => true,
        (error: unknown) => {
          logger.warn({ err: error }, 'older versions or the ledger could not be removed')
          return false
        },
      )
      return acknowledge(tidied ? undefined : sweepAfterSeconds)
    }

    case 'fanned': {
      // Plan and messages are stored: the slot is free, the record waits for its join.
      await leaveToParts(input)
      // Not an end: a cancel that was asked for meanwhile is for the parts to hear.
      await input.lease.stop()
      return queue.delete(delivery.receiptHandle, signal)
    }

    case 'cancelled':
      await ending.rememberCancel?.()
      if (outcome.error.code === 'cancelled') await ending.fail(outcome.error, signal)
      await ending.removeOutput(outcome.error, signal)
      await ending.giveUp?.('cancelled', outcome.error, signal)
      await finishRecord(input, { state: 'cancelled', error: outcome.error })
      return sweepAndAcknowledge('cancelled')

    case 'rejected':
      // The callback first: when it says that the job is somebody else's, nothing may be removed.
      if ((await ending.fail(outcome.error, signal)) === 'gone') refuseFresh()
      await ending.removeOutput(outcome.error, signal)
      await ending.giveUp?.('dead', outcome.error, signal)
      await finishRecord(input, { state: 'dead', error: outcome.error })
      return sweepAndAcknowledge('dead')

    case 'failed': {
      if (!outcome.last) return giveBack(outcome.count, backoffSeconds(input.attempts[outcome.count] + 1))
      const answer = await ending.fail(outcome.error, signal).catch((error: unknown) => {
        // An API that will not hear of it must not keep a job alive that is given up; the DLQ has it.
        if (asWorkerError(error).code !== 'api_refused') throw error
        logger.error({ err: error }, 'the API refused the last word on the job')
        return 'accepted' as const
      })
      // What failed was the deletion's doing, such as a source that is not there: nobody would redrive it.
      if (answer === 'gone') return actDeleted()
      await ending.removeOutput(outcome.error, signal)
      const parked = { ...delivery, body: ending.startBody ?? delivery.body }
      const park = () => queue.park(parked, `${outcome.error.code}: ${outcome.error.message}`, signal)
      // Of a part: only once its job is sure to end.
      await (ending.giveUp ? ending.giveUp('dead', outcome.error, signal, park) : park())
      await finishRecord(input, { state: 'dead', error: outcome.error, revivable: true })
      return sweepAndAcknowledge('dead')
    }

    case 'released': {
      const instant = outcome.error.code === 'drained' || outcome.error.code === 'lease_cap'
      return giveBack('releases', instant ? 0 : backoffSeconds(input.attempts.releases + 1))
    }
  }

  function backoffSeconds(attempt: number): number {
    const { backoffBaseSeconds: base, backoffCapSeconds: cap } = input.config
    return Math.max(1, Math.round(fullJitter({ base, cap, attempt })))
  }

  function actDeleted(): Promise<void> {
    refuseFresh()
    const error = new WorkerError('video_deleted', 'the API no longer has the video; its files are removed')
    return act({ type: 'cancelled', error }, input)
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

  /** What a part has stored while the job was ended, or an attempt left that died: from here on nothing is added. */
  async function sweepAndAcknowledge(state: FinalState): Promise<void> {
    const swept = await (ending.sweep?.(state, signal) ?? Promise.resolve()).then(
      () => true,
      (error: unknown) => {
        logger.warn({ err: error }, 'what came late could not be removed')
        return false
      },
    )
    return acknowledge(swept ? undefined : sweepAfterSeconds)
  }

  /** again: seconds until the message comes once more, for the job that has ended to be swept. */
  async function acknowledge(again?: number): Promise<void> {
    await ending
      .ended?.()
      .catch((error: unknown) => logger.warn({ err: error }, 'the request to cancel stands'))
    await input.lease.stop()
    if (again === undefined) await queue.delete(delivery.receiptHandle, signal)
    else await queue.extend(delivery.receiptHandle, again, signal)
  }

  async function giveBack(count: 'failures' | 'crashes' | 'releases', seconds: number): Promise<void> {
    await input.lease.stop()
    const token = input.lease.token()
    const answer =
      token === undefined
        ? -1
        : await releaseRecord(input, count, token).catch((error: unknown) => {
            logger.warn({ err: error }, 'the job record could not be given back')
            input.lateEnds?.add(ending.identity.jobId, () =>
              input.records.release(ending.identity, token, count),
            )
            return -1
          })
    // Ended by this attempt, which was then cut off: whoever gets the message next deletes it.
    if (answer === 0 && !input.lease.isRecordLeft())
      throw new WorkerError('lease_lost', 'the job is somebody else’s, or has ended')
    await showAgain(queue, delivery, seconds, signal)
  }
}
