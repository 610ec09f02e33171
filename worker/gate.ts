import type { Api } from '../shared/api.ts'
import { asWorkerError, WorkerError } from '../shared/errors.ts'
import type { Logger } from '../shared/logger.ts'
import { deadline, monotonicMs, sleep } from '../shared/time.ts'

/** How often what holds polling back is asked again, and how often it is said, in milliseconds. */
const retryMs = 10_000
const sayMs = 60_000
/** A trial write that takes longer is none: the bucket is asked again at the next look. */
const trialMs = 10_000

/** Stands before every poll: no job is taken that this worker could only hand back. */
export interface Gate {
  /** False once the API has refused our token, until it accepts it again. */
  readonly authorized: boolean
  /** False while the scratch disk has less than its reserve free. */
  readonly scratchFree: boolean
  /** False once the bucket has failed a job, until it takes a trial write. */
  readonly bucketWritable: boolean
  /** What a job failed of: says whether it is the whole fleet's matter, and holds polling back if so. */
  judge(error: WorkerError, signal: AbortSignal): Promise<WorkerError>
  /** Resolves when polling is allowed; true when it was held back. Rejects with the signal's reason. */
  pass(signal: AbortSignal): Promise<boolean>
}

export interface GateInput {
  readonly api: Pick<Api, 'check'>
  readonly logger: Logger
  readonly minFreeBytes: number
  /** Free bytes of the scratch disk. */
  freeBytes(): Promise<number>
  /** Rejects when the bucket does not take a write and give it back. */
  tryBucket(signal: AbortSignal): Promise<void>
  /** Milliseconds between two looks; 10 s unless told. */
  readonly retryMs?: number
}

/** One for all slots of a worker: each reason is asked about and said once, however many slots wait. */
export function createGate(input: GateInput): Gate {
  const { api, logger } = input
  let authorized = true
  let scratchFree = true
  let bucketWritable = true
  let holding: Promise<void> | undefined

  /** No job is burnt on a fleet whose token is wrong. */
  async function lookAtApi(signal: AbortSignal): Promise<boolean> {
    if (!authorized && (await api.check(signal)) !== 'unauthorized') {
      authorized = true
      logger.info('the API accepts the token again')
    }
    return authorized
  }

  /** A disk that cannot be asked is as good as full. Resolves to the free bytes. */
  async function lookAtScratch(): Promise<number> {
    const free = await input.freeBytes().catch((error: unknown) => {
      logger.warn({ err: asWorkerError(error) }, 'the scratch disk cannot be asked')
      return 0
    })
    const was = scratchFree
    scratchFree = free >= input.minFreeBytes
    if (scratchFree && !was) logger.info({ freeBytes: free }, 'the scratch disk has room again')
    return free
  }

  async function lookAtBucket(signal: AbortSignal): Promise<boolean> {
    if (bucketWritable) return true
    using limit = deadline(trialMs, signal, () => new Error(`no answer within ${trialMs / 1000} s`))
    bucketWritable = await input.tryBucket(limit.signal).then(
      () => true,
      () => false,
    )
    signal.throwIfAborted()
    if (bucketWritable) logger.info('the bucket takes writes')
    return bucketWritable
  }

  async function hold(signal: AbortSignal): Promise<void> {
    for (let saidMs = Number.NEGATIVE_INFINITY; ; ) {
      const accepted = await lookAtApi(signal)
      const freeBytes = await lookAtScratch()
      const written = await lookAtBucket(signal)
      if (accepted && scratchFree && written) return
      if (monotonicMs() - saidMs >= sayMs) {
        saidMs = monotonicMs()
        if (!accepted)
          logger.error(
            { code: 'api_unauthorized' },
            'the API refuses INTERNAL_WORKER_TOKEN: polling is stopped',
          )
        if (!written)
          logger.error({ code: 'storage_denied' }, 'the bucket takes no writes: polling is stopped')
        if (!scratchFree)
          logger.error(
            { code: 'scratch_full', freeBytes, minFreeBytes: input.minFreeBytes },
            'the scratch disk has less free than SCRATCH_MIN_FREE_MB: polling is stopped',
          )
      }
      await sleep(input.retryMs ?? retryMs, { signal })
    }
  }

  return {
    get authorized() {
      return authorized
    },
    get scratchFree() {
      return scratchFree
    },
    get bucketWritable() {
      return bucketWritable
    },
    async judge(error, signal) {
      if (error.code === 'api_unauthorized') authorized = false
      if (error.code === 'storage_unavailable') bucketWritable = false
      if (error.code !== 'storage_denied') return error
      bucketWritable = false
      // One object that we may not touch is its job's matter, and costs an attempt.
      if (!(await lookAtBucket(signal).catch(() => false))) return error
      return new WorkerError('storage_refused', error.message, { cause: error, details: error.details })
    },
    async pass(signal) {
      if (!holding) {
        await lookAtScratch()
        if (authorized && scratchFree && bucketWritable) return false
      }
      holding ??= hold(signal).finally(() => {
        holding = undefined
      })
      await holding
      return true
    },
  }
}
