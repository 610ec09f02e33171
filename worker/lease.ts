import type { Config } from '../shared/config.ts'
import { WorkerError } from '../shared/errors.ts'
import type { JobIdentity, JobRecords } from '../shared/jobs.ts'
import type { Logger } from '../shared/logger.ts'
import type { Queue } from '../shared/queue.ts'
import { monotonicMs, sleep } from '../shared/time.ts'

/** A beat that got no answer is tried again after this long: a throttle or a reset passes in seconds. */
const retryMs = 5_000

/** One beat with its fast retries inside (shared/queue.ts) ends by then. */
const beatLimitMs = 12_000

/**
 * A job that was told to stop and has not ended by then is hung; without beats its message goes to another
 * worker when the visibility runs out, and this one's later writes fail on the token.
 */
const stopGraceMs = 180_000
const hungLookMs = 1_000

export interface LeaseInput {
  readonly queue: Queue
  readonly records: JobRecords
  readonly job: JobIdentity
  readonly receiptHandle: string
  readonly messageId: string
  readonly body: string
  /** When it was sent, milliseconds since 1970 by the clock of SQS. */
  readonly sentMs: number
  readonly owner: string
  /** Fencing token of the claim; undefined when Redis was away and the SQS lease stands alone. */
  readonly token: number | undefined
  /** monotonicMs() when the receive answered. */
  readonly receivedMs: number
  readonly config: Config['lease']
  /** Aborted when the job was told to stop, for whatever reason. */
  readonly jobSignal: AbortSignal
  /** The lease is lost, or cannot be held longer. Called at most once. */
  onEnd(error: WorkerError): void
  readonly logger: Logger
  onBeat?(result: 'ok' | 'retry' | 'lost'): void
}

/** Holds a message and its job for this worker: the visibility timeout in SQS and the record in Redis. */
export interface Lease {
  /** Milliseconds until SQS may give the message to somebody else, from when the last good beat was sent. */
  slackMs(): number
  token(): number | undefined
  /**
   * The token, claiming the record now if Redis was away until now. Throws redis_unavailable while it still is, and
   * lease_lost when somebody else has the job, or has ended it.
   */
  claimNow(): Promise<number>
  /** From here on only the message is held: the record is about to end, and an ended record cannot be renewed. */
  leaveRecord(): void
  isRecordLeft(): boolean
  /** Throws lease_slack when the lease has run out unseen, since the process stood still: then nothing may be written. */
  check(): void
  /** No more beats; resolves when none is on its way. */
  stop(): Promise<void>
}

export function startLease(input: LeaseInput): Lease {
  const { config, queue, logger } = input
  const visibilityMs = config.visibilitySeconds * 1000
  const stopped = new AbortController()
  let heldFromMs = input.receivedMs
  let token = input.token
  let recordLeft = false
  let taken: WorkerError | undefined
  let abortedMs: number | undefined
  input.jobSignal.addEventListener('abort', () => {
    abortedMs = monotonicMs()
  })

  const slackMs = () => heldFromMs + visibilityMs - monotonicMs()
  let ended = false
  const end = (error: WorkerError) => {
    if (ended || stopped.signal.aborted) return
    ended = true
    if (error.kind === 'lost') input.onBeat?.('lost')
    input.onEnd(error)
  }

  const ranOut = () =>
    new WorkerError('lease_slack', `the lease ran out ${Math.round(-slackMs() / 1000)} s ago, unseen`)

  /** One beat. Resolves to the milliseconds until the next, or undefined when there is nothing left to hold. */
  async function beat(): Promise<number | undefined> {
    const sentMs = monotonicMs()
    const ageSeconds = (sentMs - input.receivedMs) / 1000
    if (ageSeconds + config.visibilitySeconds + config.minSlackSeconds > config.maxSeconds) {
      end(
        new WorkerError(
          'lease_cap',
          `the message is held for ${Math.round(ageSeconds)} s, SQS allows ${config.maxSeconds} s`,
        ),
      )
      return undefined
    }
    try {
      // Not under `stopped`: a beat cut off on this side may still land after the settle's own visibility.
      await queue.extend(input.receiptHandle, config.visibilitySeconds, AbortSignal.timeout(beatLimitMs))
      heldFromMs = sentMs
      input.onBeat?.('ok')
      return config.beatSeconds * 1000
    } catch (error) {
      if (error instanceof WorkerError && error.kind === 'lost') {
        end(error)
        return undefined
      }
      input.onBeat?.('retry')
      logger.warn({ err: error, slackSeconds: Math.round(slackMs() / 1000) }, 'lease beat failed')
      return Math.min(retryMs, Math.max(500, slackMs() - config.minSlackSeconds * 1000))
    }
  }

  /** Redis may be away; then the SQS lease stands alone. */
  async function renewRecord(): Promise<void> {
    await holdRecord().catch((error: unknown) =>
      logger.warn({ err: error }, 'the job record could not be renewed'),
    )
  }

  /** What Redis says when it answers is law. Throws redis_unavailable. */
  async function holdRecord(): Promise<void> {
    const answer = token === undefined ? 'missing' : await input.records.renew(input.job, token, visibilityMs)
    if (answer === 'renewed' || recordLeft) return
    if (answer === 'lost') return end(new WorkerError('lease_lost', 'another worker took the job over'))
    // Never claimed (Redis was away), or the record is gone (Redis was wiped): claim now.
    const claim = await input.records.claim(input.job, {
      owner: input.owner,
      leaseMs: visibilityMs,
      messageId: input.messageId,
      sentMs: input.sentMs,
      body: input.body,
      counted: token === undefined && input.job.parent === undefined,
    })
    if (claim.verdict === 'yours') token = claim.token
    else {
      const whose = claim.verdict === 'busy' ? 'with another worker' : claim.state
      taken = new WorkerError('lease_lost', `the job is ${whose}`)
      end(taken)
    }
  }

  async function hold(): Promise<void> {
    while (!stopped.signal.aborted && !ended) {
      // A hung job is no longer held, and told so when its time is up: then nothing of it may be touched.
      const hung = abortedMs !== undefined && monotonicMs() - abortedMs > stopGraceMs
      // A good beat would prove nothing now: what an old receipt handle still does differs by source (facts.md).
      if (slackMs() <= 0) return end(ranOut())
      const [waitMs] = hung ? [hungLookMs] : await Promise.all([beat(), renewRecord()])
      if (waitMs === undefined) return
      if (slackMs() < config.minSlackSeconds * 1000) {
        const left = Math.round(slackMs() / 1000)
        return end(new WorkerError('lease_slack', `no beat got through; ${left} s of the lease are left`))
      }
      await sleep(waitMs, { signal: stopped.signal }).catch(() => {})
    }
  }

  const holding = hold().catch((error: unknown) => {
    logger.error({ err: error }, 'the lease loop failed')
    end(new WorkerError('lease_slack', 'the lease loop failed', { cause: error }))
  })

  return {
    slackMs,
    check() {
      if (slackMs() > 0) return
      const error = ranOut()
      end(error)
      throw error
    },
    token: () => token,
    async claimNow() {
      if (token === undefined) await holdRecord()
      if (taken) throw taken
      return token!
    },
    leaveRecord() {
      recordLeft = true
    },
    isRecordLeft: () => recordLeft,
    async stop() {
      stopped.abort()
      await holding
    },
  }
}
