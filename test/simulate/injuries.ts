/** What goes wrong in a run, all of it decided by the seed. */
import type { World } from './world.ts'

export const services = ['queue', 'redis', 'bucket', 'api'] as const
export type Service = (typeof services)[number]

/**
 * What can happen to one call. refused: it fails and nothing was done; unheard: it was done, and the answer is lost;
 * slow: it takes longer than its caller waits, and is done all the same; crash: the worker dies, before or after.
 */
export const injuryKinds = ['refused', 'unheard', 'slow', 'crash-before', 'crash-after'] as const
export type Injury = (typeof injuryKinds)[number]

/** A time in which every call of a service fails, or only those of one kind. */
export interface Outage {
  readonly service: Service
  /** Of the calls, when only some are hit: `extend`. */
  readonly what?: string
  readonly fromMs: number
  readonly toMs: number
  readonly injury: Injury
  /** Of the API: the status it answers with. */
  readonly status?: number
}

export class Injuries {
  readonly #world: World
  /** Chances of each kind for each call, from 0 to 1. */
  rates: Partial<Record<Injury, number>> = {}
  outages: Outage[] = []
  /** One call, counted from 1, and what happens to it. */
  single: { call: number; injury: Injury } | undefined
  /** Nothing goes wrong from then on. */
  calmFromMs = Number.POSITIVE_INFINITY
  /** Calls so far. */
  calls = 0
  /** When the last one fell. */
  lastMs = Number.NEGATIVE_INFINITY
  /** Injuries so far, by service. */
  readonly done: Record<Service, number> = { queue: 0, redis: 0, bucket: 0, api: 0 }

  get total(): number {
    return services.reduce((sum, service) => sum + this.done[service], 0)
  }

  constructor(world: World) {
    this.#world = world
  }

  /** Decides about the next call. */
  next(service: Service, what: string): { injury: Injury; status?: number } | undefined {
    this.calls += 1
    const { nowMs } = this.#world.clock
    const found = nowMs >= this.calmFromMs ? undefined : this.#find(service, what, nowMs)
    if (found) {
      this.done[service] += 1
      this.lastMs = nowMs
    }
    return found
  }

  #find(service: Service, what: string, nowMs: number): { injury: Injury; status?: number } | undefined {
    if (this.single?.call === this.calls) return { injury: this.single.injury }
    const outage = this.outages.find(
      (each) =>
        each.service === service &&
        (each.what === undefined || each.what === what) &&
        each.fromMs <= nowMs &&
        nowMs < each.toMs,
    )
    if (outage) {
      const { injury, status } = outage
      return status === undefined ? { injury } : { injury, status }
    }
    let roll = this.#world.random()
    for (const kind of injuryKinds) {
      roll -= this.rates[kind] ?? 0
      if (roll < 0) return { injury: kind }
    }
    return undefined
  }
}
