/** What is done to one run. Half of the seeds have one injury somewhere, the others weather: the first are easy to read. */
import type { Fleet } from './fleet.ts'
import { type Injury, injuryKinds, type Outage, services } from './injuries.ts'
import type { World } from './world.ts'

export interface Troubles {
  readonly fleet: { readonly workers: number; readonly concurrency: number; readonly mixed: boolean }
  /** When the last of them is over, but for what falls on a single call. */
  readonly untilMs: number
  /** Redis loses everything, or is away for long: it may owe a recount then (docs/operations.md). */
  readonly recount: boolean
  readonly troubles: { readonly text: string; start(fleet: Fleet): void }
}

/** Calls of a run in which one injury may fall; a usual one has several hundred. */
const singleWithin = 600
/** Weather lasts so long; a single injury may come as late as it likes. */
const stormMs = 900_000

export function planTroubles(world: World): Troubles {
  const fleet = {
    ...{ workers: world.whole(1, 3), concurrency: world.whole(1, 2) },
    mixed: world.random() < 0.15,
  }
  const said = [
    `${fleet.workers} workers of ${fleet.concurrency}${fleet.mixed ? ', of two configurations' : ''}`,
  ]
  const { injuries } = world
  const orders: ((fleet: Fleet) => void)[] = []
  injuries.calmFromMs = stormMs
  let recount = false
  let untilMs = 0
  const lasts = (ms: number) => {
    untilMs = Math.max(untilMs, ms)
  }
  const roll = world.random()
  if (roll < 0.45) {
    const injury = world.oneOf(injuryKinds)
    injuries.single = { call: 1 + Math.floor(world.random() ** 2 * singleWithin), injury }
    said.push(`${injury} at call ${injuries.single.call}`)
  } else {
    if (roll < 0.75) lasts(weather(world, said))
    for (let count = world.whole(0, 2); count > 0; count--) {
      const found = outage(world, said)
      lasts(found.toMs)
      recount ||= found.service === 'redis'
    }
    if (world.random() < 0.15) {
      recount = true
      said.push('Redis wiped')
      const atMs = world.between(10_000, 600_000)
      lasts(atMs)
      orders.push(() =>
        world.later(atMs, () => {
          world.ledger.add('redis', 'WIPED')
          world.redis.wipe()
        }),
      )
    }
  }
  for (let count = world.whole(0, 3); count > 0; count--) orders.push(departure(world, said, lasts))
  queueTroubles(world, said)
  if (world.random() < 0.3) world.encoderTrouble = { fails: 0.1, hangs: 0.05 }
  // Then a job outlives its first lease many times over.
  if (world.random() < 0.1) {
    world.encoderSpeed = 0.1
    said.push('slow encoders')
  }
  return {
    ...{ fleet, recount, untilMs },
    troubles: {
      text: said.join(', '),
      start(running) {
        for (const order of orders) order(running)
        world.later(injuries.calmFromMs, () => world.sqs.dice.calm())
      },
    },
  }
}

function weather(world: World, said: string[]): number {
  const strength = world.oneOf([0.003, 0.01, 0.03])
  const rates: Partial<Record<Injury, number>> = {}
  for (const kind of injuryKinds)
    rates[kind] = kind.startsWith('crash') ? Math.min(0.002, strength / 5) : strength
  world.injuries.rates = rates
  said.push(`weather of ${strength}`)
  return stormMs
}

function outage(world: World, said: string[]): Outage {
  const service = world.oneOf(services)
  const fromMs = world.between(0, 400_000)
  const toMs = fromMs + world.oneOf([20_000, 100_000, 200_000, 500_000])
  const injury = world.oneOf(['refused', 'unheard', 'slow'] as const)
  const beats = service === 'queue' && world.random() < 0.5 ? { what: 'extend' } : {}
  const refused = service === 'api' && injury === 'refused' ? { status: world.oneOf([500, 401, 503]) } : {}
  const found: Outage = { service, fromMs, toMs, injury, ...beats, ...refused }
  world.injuries.outages.push(found)
  said.push(`${service} ${injury} for ${toMs - fromMs} ms`)
  return found
}

/** SIGTERM, twice perhaps; a Spot reclaim, which does not wait; or a death without notice. */
function departure(world: World, said: string[], lasts: (ms: number) => void): (fleet: Fleet) => void {
  const atMs = world.between(2_000, 400_000)
  // A Spot reclaim, and the time until there is another process.
  lasts(atMs + 130_000)
  const how = world.oneOf(['drain', 'drain twice', 'spot', 'kill'] as const)
  said.push(how)
  return (fleet) =>
    world.later(atMs, () => {
      const { running } = fleet
      if (running.length === 0) return
      const machine = world.oneOf(running)
      if (how === 'kill') return machine.crash('kill -9')
      fleet.stop(machine, how)
      if (how === 'drain twice') world.later(5_000, () => fleet.stop(machine, how))
      if (how === 'spot') world.later(120_000, () => machine.crash('the instance is taken'))
    })
}

/** What SQS may do and mostly does not. */
function queueTroubles(world: World, said: string[]): void {
  if (world.random() < 0.6) return
  Object.assign(world.sqs.dice.chances, { duplicate: 0.05, lostReceive: 0.03, undelete: 0.03, disorder: 0.2 })
  world.sqs.dice.leeway = { staleDelete: 'either', staleChange: 'either', lateChange: 'either' }
  said.push('SQS at its worst')
}
