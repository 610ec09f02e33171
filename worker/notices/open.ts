import type { Config } from '../../shared/config.ts'
import { asWorkerError } from '../../shared/errors.ts'
import type { Logger } from '../../shared/logger.ts'
import type { Metrics } from '../../shared/metrics.ts'
import { openScaling, type Scaling } from '../../shared/scaling.ts'
import type { Notice, NoticeBoard } from './board.ts'
import type { Instance } from './instance.ts'
import { createLifecycle, type Lifecycle } from './lifecycle.ts'
import { createProtection, type Protection, type ProtectionState } from './protection.ts'
import { createSpot, type Spot } from './spot.ts'
import { watch } from './watch.ts'

/** What is known of the machine and of its leaving; for /status, /readyz and /metrics. */
export interface HostStatus {
  readonly instance: string | null
  readonly group: string | null
  readonly protection: ProtectionState | 'off'
  readonly rebalance: boolean
  /** The first notice, with the seconds left by the nearest deadline. */
  readonly notice: Notice | null
}

/** The machine that the worker runs on, as far as it may take the worker's time away. */
export interface Host {
  /** Undefined where no group is known, or SCALE_IN_PROTECTION is off. */
  readonly protection: Protection | undefined
  /** Whether long jobs are better started elsewhere. */
  readonly leavesSoon: boolean
  status(): HostStatus
  /** Looks for a termination now: protection was refused, or the worker is about to end. */
  isTerminating(signal: AbortSignal): Promise<boolean>
  /** The last words: protection removed or the lifecycle hook completed. Bounded, never throws. */
  goodbye(): Promise<void>
}

export interface HostInput {
  readonly config: Pick<Config, 'notices' | 'scaling' | 'awsRegion' | 'drainSeconds'>
  readonly instance: Instance | undefined
  readonly board: NoticeBoard
  readonly logger: Logger
  readonly metrics: Metrics
}

/** Begins to watch the instance's metadata. Without an instance nothing is watched, and everything says so. */
export async function openHost({ config, instance, board, logger, metrics }: HostInput): Promise<Host> {
  const stopped = new AbortController()
  const { scaling: asked, drainSeconds } = config
  let scaling: Scaling | undefined
  let spot: Spot | undefined
  let lifecycle: Lifecycle | undefined
  let protection: Protection | undefined
  const watching: Promise<void>[] = []

  async function isTerminating(signal: AbortSignal): Promise<boolean> {
    await lifecycle?.look(signal)
    return lifecycle?.terminating ?? false
  }

  if (instance) {
    const { metadata, group, id } = instance
    if (group) scaling = await openScaling(config, { group, instanceId: id })
    spot = createSpot({ metadata, board, logger, drainSeconds })
    lifecycle = createLifecycle({ metadata, board, logger, drainSeconds, scaling, hookName: asked.hook })
    const looks = { 'spot notices': spot.look, 'the lifecycle state': lifecycle.look }
    for (const [what, look] of Object.entries(looks))
      watching.push(watch(what, config.notices.pollSeconds, look, { logger, signal: stopped.signal }))
    // Not waited for: the boot must not hang on a permission that only the end needs.
    watching.push(
      lifecycle.findHook(stopped.signal).catch((error: unknown) => {
        if (!stopped.signal.aborted)
          logger.warn({ err: asWorkerError(error) }, 'the termination hook is not known yet')
      }),
    )
  }
  if (scaling && asked.protection !== 'off') {
    protection = createProtection({
      ...{ scaling, logger, mode: asked.protection, idleSeconds: asked.idleSeconds, isTerminating },
      onCall: (result) => metrics.protection_calls_total.inc({ result }),
    })
  }

  return {
    protection,
    isTerminating,
    get leavesSoon() {
      return spot?.rebalance ?? false
    },
    status: () => ({
      instance: instance?.id ?? null,
      group: instance?.group ?? null,
      protection: protection?.state ?? 'off',
      rebalance: spot?.rebalance ?? false,
      notice: board.current() ?? null,
    }),
    async goodbye() {
      stopped.abort(new Error('the worker leaves'))
      // Of a terminating instance Auto Scaling changes no protection any more.
      const unprotected = lifecycle?.terminating ? undefined : protection?.close()
      await Promise.all([lifecycle?.goodbye(), unprotected, ...watching])
      scaling?.close()
      instance?.metadata.close()
    },
  }
}
