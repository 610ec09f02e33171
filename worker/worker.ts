import type { Api } from '../shared/api.ts'
import { fullJitter } from '../shared/backoff.ts'
import { type Config, configHash } from '../shared/config.ts'
import { WorkerError } from '../shared/errors.ts'
import type { JobRecords } from '../shared/jobs.ts'
import type { Logger } from '../shared/logger.ts'
import { parseMessage } from '../shared/messages.ts'
import type { Metrics } from '../shared/metrics.ts'
import type { Queue } from '../shared/queue.ts'
import type { RedisPort } from '../shared/redis.ts'
import { freeBytes } from '../shared/scratch.ts'
import { monotonicMs } from '../shared/time.ts'
import { type Drain, startDrain } from './drain.ts'
import { createGate } from './gate.ts'
import { createIntake, type Delivery } from './intake.ts'
import type { JobMessage, Work } from './job/work.ts'
import type { Protection } from './notices/protection.ts'
import { type RunningJob, runDelivery, type SlotPorts } from './slot.ts'

/**
 * The worker's states, in order; it never goes back:
 *   starting: the boot checks run, nothing is polled
 *   running:  every free slot polls
 *   draining: intake is stopped, jobs finish or are handed back
 *   stopped:  every slot is empty
 */
export type WorkerState = 'starting' | 'running' | 'draining' | 'stopped'

export interface WorkerPorts {
  readonly config: Config
  readonly queue: Queue
  readonly redis: RedisPort
  readonly records: JobRecords
  /** Unique to this process: a restarted worker of the same name is another owner. */
  readonly owner: string
  readonly api: Api
  readonly metrics: Metrics
  readonly logger: Logger
  /** Scale-in protection while there are jobs; undefined where there is none. */
  readonly protection: Protection | undefined
  /** The job for a message; throws a rejected WorkerError when it cannot be one. */
  workFor(message: JobMessage, body: string): Work
}

export interface Worker {
  start(): void
  /** Resolves when every slot is empty, at the latest in `seconds`. interrupted: the product is told. Called once. */
  drain(reason: string, options: { seconds: number; interrupted: boolean }): Promise<'clean' | 'forced'>
  /** The drain must end in `seconds` from now, if that is sooner. */
  hasten(seconds: number): void
  /** The jobs in hand stop now, whatever they could still finish: whoever asks twice wants it now. */
  stopNow(reason: string): void
  status(): WorkerStatus
  sinceGoodPollMs(): number
}

/** The snapshot behind /status; times in seconds. */
export interface WorkerStatus {
  readonly state: WorkerState
  readonly workerId: string
  readonly configHash: string
  readonly apiAuthorized: boolean
  readonly scratchFree: boolean
  readonly uptimeSeconds: number
  readonly slots: readonly (
    | { readonly state: 'idle' }
    | {
        readonly state: 'busy'
        readonly jobId: string
        readonly kind: string
        readonly attempt: number
        readonly stage: string
        readonly percent: number
        readonly remainingSeconds: number | null
        readonly seconds: number
        readonly leaseSlackSeconds: number
      }
  )[]
}

/** Each slot's story: receive, understand, run, settle. */
export function createWorker(ports: WorkerPorts): Worker {
  const { config, queue, logger, metrics, api } = ports
  const startedMs = monotonicMs()
  const running: (RunningJob | undefined)[] = Array.from({ length: config.concurrency }, () => undefined)
  const inHand = new Set<Promise<void>>()
  let state: WorkerState = 'starting'
  let draining: Drain | undefined

  const gate = createGate({
    ...{ api, logger, minFreeBytes: config.scratch.minFreeBytes },
    freeBytes: () => freeBytes(config.scratch.dir),
  })
  const slotPorts: SlotPorts = {
    ...{ config, queue, redis: ports.redis, api, metrics },
    records: ports.records,
    owner: ports.owner,
    pollsEnded: () => (intake.stopping ? intake.stop() : Promise.resolve()),
    onUnauthorized: () => gate.refused(),
  }

  const intake = createIntake({
    ...{ queue, config, logger },
    onPoll: (result) => metrics.polls_total.inc({ result }),
    gate: async (signal) => {
      const held = await ports.protection?.pass(signal)
      return (await gate.pass(signal)) || held === true
    },
    handle: (delivery, slot) => {
      const work = handle(delivery, slot)
        .catch((error: unknown) => {
          logger.error(
            { err: error, messageId: delivery.messageId },
            'a delivery was left to its visibility timeout',
          )
        })
        .finally(() => inHand.delete(work))
      inHand.add(work)
      return work
    },
  })

  async function handle(delivery: Delivery, slot: number): Promise<void> {
    const signal = AbortSignal.timeout(60_000)
    if (intake.stopping) {
      await intake.stop()
      return queue.extend(delivery.receiptHandle, 0, signal)
    }
    const message = parseMessage(delivery.body, {
      bucket: config.r2.bucket,
      catalogKeyPrefix: config.catalog.keyPrefix,
      r2Prefix: config.r2.prefix,
    })
    if (message.kind === 'poison') return park(delivery, message.reason, signal)
    if (message.kind === 'ignored') {
      logger.info({ messageId: delivery.messageId, reason: message.reason }, 'nothing to do for this message')
      return queue.delete(delivery.receiptHandle, signal)
    }
    if (message.kind === 'several') {
      for (const body of message.bodies) await queue.send(body, { signal })
      return queue.delete(delivery.receiptHandle, signal)
    }
    const work = workOf(message, delivery.body)
    if (work instanceof WorkerError) return park(delivery, work.message, signal)
    const verdict = (await ports.protection?.begin()) ?? 'start'
    if (verdict !== 'start') return refuse(delivery, verdict)
    try {
      await runDelivery(work, delivery, slotPorts, logger, (job) => {
        running[slot] = job
        // Claimed while the drain began: it has done nothing yet.
        if (state !== 'running') job?.stop(new WorkerError('drained', 'the worker stops'))
      })
    } finally {
      ports.protection?.end()
    }
  }

  /** Nothing was claimed: the message goes back as if it had not come, at once when this worker leaves. */
  async function refuse(delivery: Delivery, verdict: 'wait' | 'leaving'): Promise<void> {
    const { messageId, receiptHandle } = delivery
    logger.warn({ messageId, verdict }, 'the instance could not be protected: the message goes back')
    if (verdict === 'leaving') await intake.stop()
    const { backoffBaseSeconds: base, backoffCapSeconds: cap } = config.job
    const wait = verdict === 'leaving' ? 0 : Math.max(1, Math.round(fullJitter({ base, cap, attempt: 1 })))
    await queue.extend(receiptHandle, wait, AbortSignal.timeout(30_000))
  }

  function workOf(message: JobMessage, body: string): Work | WorkerError {
    try {
      return ports.workFor(message, body)
    } catch (error) {
      if (error instanceof WorkerError && error.kind === 'rejected') return error
      throw error
    }
  }

  /** Poison is kept where people look, by name, and never loops. */
  async function park(delivery: Delivery, reason: string, signal: AbortSignal): Promise<void> {
    await queue.park(delivery, reason, signal)
    await queue.delete(delivery.receiptHandle, signal)
    metrics.poison_total.inc()
    logger.error(
      { messageId: delivery.messageId, code: 'message_invalid', reason },
      'poison message parked in the DLQ',
    )
  }

  return {
    start() {
      state = 'running'
      intake.start()
    },
    drain(reason, options) {
      state = 'draining'
      draining = startDrain(reason, {
        ...{ intake, redis: ports.redis, logger, ...options },
        running: () => running.filter((job) => job !== undefined),
        idle: async () => {
          while (inHand.size > 0) await Promise.allSettled(inHand)
        },
      })
      return draining.ended.finally(() => {
        state = 'stopped'
      })
    },
    hasten: (seconds) => draining?.hasten(seconds),
    stopNow(reason) {
      for (const job of running) {
        job?.stop(new WorkerError('drained', `the worker stops at once (${reason})`))
        job?.force()
      }
    },
    sinceGoodPollMs: () => intake.sinceGoodPollMs(),
    status: () => ({
      state,
      workerId: config.workerId,
      configHash: configHash(config),
      apiAuthorized: gate.authorized,
      scratchFree: gate.scratchFree,
      uptimeSeconds: Math.round((monotonicMs() - startedMs) / 1000),
      slots: running.map((job) => (job ? slotStatus(job) : { state: 'idle' as const })),
    }),
  }
}

function slotStatus(job: RunningJob) {
  const { step, percent, remaining_seconds: remainingSeconds } = job.reporter.value
  return {
    ...{ state: 'busy' as const, jobId: job.jobId, kind: job.kind, attempt: job.attempt },
    ...{ stage: step, percent, remainingSeconds },
    seconds: Math.round((monotonicMs() - job.startedMs) / 1000),
    leaseSlackSeconds: Math.round(job.lease.slackMs() / 1000),
  }
}
