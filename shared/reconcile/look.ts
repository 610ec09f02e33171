import { reconcileKey } from '../keys.ts'
import type { QueueAttributes } from '../queue-attributes.ts'
import type { Limits } from './limits.ts'
import type { CountingWorld } from './world.ts'

/** What the queue's counts say now, and what they have said for a while. */
export interface Look {
  readonly counts: Pick<QueueAttributes, 'waiting' | 'inFlight' | 'delayed'>
  /** How long the queue keeps a message. */
  readonly retentionSeconds: number
  /** Milliseconds of Redis's clock. */
  readonly now: number
  /** Since when every look found no message at all; 0 when that is not so. */
  readonly emptySince: number
  /** Since when every look found none in flight. */
  readonly idleSince: number
}

/** Notes are forgotten after an hour without a look. */
const keepSeconds = 3600

/**
 * One look at the queue's counts, noted in Redis: looks of the publisher (one a minute) and of an operator add up.
 * Throws queue_unavailable, config_invalid, redis_unavailable.
 */
export async function takeLook(world: CountingWorld, signal: AbortSignal): Promise<Look> {
  const { waiting, inFlight, delayed, retentionSeconds } = await world.queue.attributes(signal)
  const empty = waiting + inFlight + delayed === 0
  const answer = await world.redis.run(
    'reconcile-look',
    [reconcileKey('looks')],
    [empty ? 1 : 0, inFlight === 0 ? 1 : 0, world.limits.lookGapSeconds * 1000, keepSeconds],
  )
  const [now, emptySince, idleSince] = answer as [number, number, number]
  return { counts: { waiting, inFlight, delayed }, retentionSeconds, now, emptySince, idleSince }
}

/** Seconds that something must have stood at every look to be believed. */
export function windowSeconds({ settleSeconds, standsSeconds }: Limits): number {
  return settleSeconds + standsSeconds
}

/** Whether it has stood long enough, since `since` (0: it does not). */
export function stands(since: number, now: number, limits: Limits): boolean {
  return since > 0 && now - since >= windowSeconds(limits) * 1000
}
