import { randomUUID } from 'node:crypto'
import type { Api } from '../shared/api.ts'
import type { Config } from '../shared/config.ts'
import { asWorkerError, WorkerError } from '../shared/errors.ts'
import type { Claim, JobRecords } from '../shared/jobs.ts'
import type { Logger } from '../shared/logger.ts'
import type { Metrics } from '../shared/metrics.ts'
import type { Queue } from '../shared/queue.ts'
import type { RedisPort } from '../shared/redis.ts'
import { monotonicMs } from '../shared/time.ts'
import type { Delivery } from './intake.ts'
import { createReporter, type Reporter } from './job/report.ts'
import { alreadyPublished, fannedOut, type Work } from './job/work.ts'
import { stopInTime } from './late-cancel.ts'
import type { LateEnds } from './late-ends.ts'
import { type Lease, startLease } from './lease.ts'
import { type Attempts, type Outcome, outcomeOfError } from './outcome.ts'
import { settle } from './settle.ts'
import { showAgain } from './show-again.ts'

/** What /status shows of a job in hand. */
export interface RunningJob {
  readonly jobId: string
  readonly kind: string
  readonly attempt: number
  readonly startedMs: number
  readonly reporter: Reporter
  readonly lease: Lease
  /** Tells the job to stop; the first reason stays. */
  stop(error: WorkerError): void
  /** Cuts off callbacks and clean-ups too; the message is handed back. */
  force(): void
}

export interface SlotPorts {
  readonly config: Config
  readonly queue: Queue
  readonly records: JobRecords
  readonly redis: RedisPort
  readonly api: Api
  readonly metrics: Metrics
  /** Unique to this process: a restarted worker of the same name is another owner. */
  readonly owner: string
  readonly lateEnds: LateEnds
  pollsEnded(): Promise<void>
  /** Whether what a job failed of is its own matter, or all jobs' until somebody mends it: gate.ts. */
  judge(error: WorkerError, signal: AbortSignal): Promise<WorkerError>
}

/** Runs one delivery of a job from claim to settled end; never rejects. onRunning shows it to status and drain. */
export async function runDelivery<Result>(
  work: Work<Result>,
  delivery: Delivery,
  ports: SlotPorts,
  parentLogger: Logger,
  onRunning: (job: RunningJob | undefined) => void,
): Promise<string> {
  const { config, queue, records } = ports
  const logger = parentLogger.child({ ...work.labels, receiveCount: delivery.receiveCount })
  const leaseMs = config.lease.visibilitySeconds * 1000
  const { messageId, sentMs } = delivery
  // A part is counted with its record; one that was sent without, since Redis was away, is not.
  const counted = work.identity.parent === undefined
  // One owner a delivery: two slots of this process must not take a job from each other.
  const owner = `${ports.owner}:${randomUUID().slice(0, 8)}`
  const claim = await records
    .claim(work.identity, { owner, leaseMs, messageId, sentMs, counted, body: delivery.body })
    .catch((error: unknown) => {
      logger.warn({ err: error }, 'no claim in Redis: the SQS lease stands alone')
      return undefined
    })
  if (claim && claim.verdict !== 'yours') return setAside(work, claim, delivery, queue, logger)

  const { failures, crashes, releases } = claim ?? { failures: 0, crashes: 0, releases: 0 }
  const attempts: Attempts = { failures, crashes, releases }
  const attempt = claim?.starts ?? delivery.receiveCount
  const jobLogger = logger.child({ attempt })
  const stopJob = new AbortController()
  const stopAll = new AbortController()
  const startedMs = monotonicMs()

  const lease = startLease({
    ...{ queue, records, config: config.lease, owner, logger: jobLogger },
    ...{
      receiptHandle: delivery.receiptHandle,
      messageId,
      sentMs,
      body: delivery.body,
      receivedMs: delivery.receivedMs,
    },
    job: work.identity,
    token: claim?.token,
    jobSignal: stopJob.signal,
    onEnd: (error) => {
      stopJob.abort(error)
      if (error.kind === 'lost') stopAll.abort(error)
    },
    onBeat: (result) => ports.metrics.lease_beats_total.inc({ result }),
  })
  const reporter = createReporter({
    ...{ redis: ports.redis, records, api: ports.api, job: work.identity, logger: jobLogger },
    heartbeatSeconds: config.api.heartbeatSeconds,
    workerId: config.workerId,
    sentMs: delivery.sentMs,
    resumed: attempt > 1,
    token: lease.token,
    onStop: stopInTime(work, attempt === 1 && delivery.receiveCount === 1, (error) => stopJob.abort(error)),
  })
  onRunning({
    ...{ jobId: work.identity.jobId, kind: work.kind, attempt, startedMs, reporter, lease },
    stop: (error) => stopJob.abort(error),
    force: () => stopAll.abort(new WorkerError('drained', 'the worker leaves now')),
  })
  jobLogger.info(attempts, 'job started')

  const outcome = await attemptOnce()
  if (outcome.type === 'done') jobLogger.info('job finished, reporting')
  else if (outcome.type === 'fanned') jobLogger.info('job shared with the fleet')
  else if (outcome.type === 'published') jobLogger.info('the result is published already')
  else jobLogger.warn({ err: outcome.error, outcome: outcome.type }, 'job ended without a result')
  const settled = await settle(outcome, {
    ...{ queue, records, config: config.job, logger: jobLogger, delivery, lease, attempts, ending: work },
    signal: stopAll.signal,
    pollsEnded: ports.pollsEnded,
    lateEnds: ports.lateEnds,
    judge: (error) => ports.judge(error, stopAll.signal),
  })
  await reporter.close(settled !== 'lost')
  onRunning(undefined)
  const seconds = (monotonicMs() - startedMs) / 1000
  ports.metrics.jobs_total.inc({ kind: work.kind, outcome: settled })
  ports.metrics.job_seconds.observe({ kind: work.kind, outcome: settled }, seconds)
  jobLogger.info({ outcome: settled, seconds: Number(seconds.toFixed(2)) }, 'job settled')
  return settled

  async function attemptOnce(): Promise<Outcome<Result>> {
    const crashed = attempts.crashes >= config.job.maxCrashes
    if (crashed && !(await work.isPublished?.(stopJob.signal).catch(() => false))) {
      const error = new WorkerError(
        'crashes_exhausted',
        `${attempts.crashes} crashes, the limit is ${config.job.maxCrashes}`,
      )
      return { type: 'failed', error, count: 'crashes', last: true }
    }
    try {
      const result = await work.run({
        ...{ signal: stopJob.signal, logger: jobLogger, reporter, attempt },
        stop: (error) => stopJob.abort(error),
        checkLease: lease.check,
      })
      // Finished before the stop took hold: a drain has nothing left to stop, every other reason still counts.
      if (stopJob.signal.aborted && asWorkerError(stopJob.signal.reason).kind !== 'released')
        throw stopJob.signal.reason
      if (result === fannedOut) return { type: 'fanned' }
      return result === alreadyPublished ? { type: 'published' } : { type: 'done', result }
    } catch (thrown) {
      const outcome = outcomeOfError<Result>(thrown, stopJob.signal, attempts, config.job)
      if (outcome.type !== 'released') return outcome
      const error = await ports.judge(outcome.error, stopAll.signal)
      return error === outcome.error
        ? outcome
        : outcomeOfError(error, new AbortController().signal, attempts, config.job)
    }
  }
}

/** A message whose job is settled has only itself left to delete; one whose job is busy waits for that lease. */
async function setAside(
  work: Work,
  claim: Exclude<Claim, { verdict: 'yours' }>,
  delivery: Delivery,
  queue: Queue,
  logger: Logger,
): Promise<string> {
  const signal = AbortSignal.timeout(30_000)
  if (claim.verdict === 'settled')
    await work
      .sweep?.(claim.state, signal)
      .catch((error: unknown) => logger.warn({ err: error }, 'the end could not be tidied'))
  const action =
    claim.verdict === 'settled'
      ? queue.delete(delivery.receiptHandle, signal)
      : showAgain(queue, delivery, Math.ceil(claim.leftMs / 1000) + 1, signal)
  await action.catch((error: unknown) =>
    logger.warn({ err: error }, 'the message is left to its visibility timeout'),
  )
  logger.info(
    claim,
    claim.verdict === 'settled' ? 'a job that has ended came again' : 'the job is with another worker',
  )
  return claim.verdict
}
