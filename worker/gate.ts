import type { Api } from '../shared/api.ts'
import { asWorkerError } from '../shared/errors.ts'
import type { Logger } from '../shared/logger.ts'
import { monotonicMs, sleep } from '../shared/time.ts'

/** How often what holds polling back is asked again, and how often it is said, in milliseconds. */
const retryMs = 10_000
const sayMs = 60_000

/** Stands before every poll: no job is taken that this worker could only hand back. */
export interface Gate {
  /** False once the API has refused our token, until it accepts it again. */
  readonly authorized: boolean
  /** False while the scratch disk has less than its reserve free. */
  readonly scratchFree: boolean
  /** The API refused our token: no further poll until it accepts it. */
  refused(): void
  /** Resolves when polling is allowed; true when it was held back. Rejects with the signal's reason. */
  pass(signal: AbortSignal): Promise<boolean>
}

export interface GateInput {
  readonly api: Pick<Api, 'check'>
  readonly logger: Logger
  readonly minFreeBytes: number
  /** Free bytes of the scratch disk. */
  freeBytes(): Promise<number>
  /** Milliseconds between two looks; 10 s unless told. */
  readonly retryMs?: number
}

/** One for all slots of a worker: each reason is asked about and said once, however many slots wait. */
export function createGate(input: GateInput): Gate {
  const { api, logger } = input
  let authorized = true
  let scratchFree = true
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

  async function hold(signal: AbortSignal): Promise<void> {
    for (let saidMs = Number.NEGATIVE_INFINITY; ; ) {
      const accepted = await lookAtApi(signal)
      const freeBytes = await lookAtScratch()
      if (accepted && scratchFree) return
      if (monotonicMs() - saidMs >= sayMs) {
        saidMs = monotonicMs()
        if (!accepted)
          logger.error(
            { code: 'api_unauthorized' },
            'the API refuses INTERNAL_WORKER_TOKEN: polling is stopped',
          )
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
    refused() {
      authorized = false
    },
    async pass(signal) {
      if (!holding) {
        await lookAtScratch()
        if (authorized && scratchFree) return false
      }
      holding ??= hold(signal).finally(() => {
        holding = undefined
      })
      await holding
      return true
    },
  }
}
