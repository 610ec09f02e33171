/** One seed from start to end. */
import { chance } from '../bench/chance.ts'
import { install } from './clock.ts'
import { checkEnd, isQuiet } from './end.ts'
import { Fleet } from './fleet.ts'
import { People } from './jobs.ts'
import type { Product } from './loader.ts'
import { planTroubles } from './troubles.ts'
import { type Breach, Watch } from './watch.ts'
import { World } from './world.ts'

export interface RunResult {
  readonly seed: number
  readonly breaches: readonly Breach[]
  /** What was done to this run, in words. */
  readonly troubles: string
  readonly jobs: number
  readonly calls: number
  readonly injuries: number
  /** Virtual seconds. */
  readonly seconds: number
  /** Of everything that happened: the same seed gives the same. */
  readonly digest: string
  lines(all?: boolean): string[]
}

/** After the last injury everything must come to its end within this: back-offs, lost parts and watches included. */
const patienceMs = 6 * 3600_000

export async function runSeed(product: Product, seed: number): Promise<RunResult> {
  const world = new World(seed, product.mutation)
  const { config } = product
  const people = new People(world)
  const { fleet: size, troubles, recount, untilMs } = planTroubles(world)
  const watch = new Watch(world, people, config.drainSeconds, recount)
  const fleet = new Fleet(world, product, { ...size, config })
  const onFault = (error: unknown) => watch.breach('fault', `nobody caught ${String(error)}`)
  process.on('unhandledRejection', onFault)
  const remove = install(world.clock, chance(seed + 2))
  try {
    people.plan(world.whole(1, 4), 300_000)
    troubles.start(fleet)
    fleet.start()
    await live(world, people, untilMs)
    checkEnd(world, people, watch, { ...config.job, recount })
  } finally {
    remove()
    process.off('unhandledRejection', onFault)
    for (const machine of world.machines) machine.dead = true
    world.rows.close()
  }
  const { calls, total } = world.injuries
  return {
    ...{ seed, breaches: watch.breaches, troubles: troubles.text, jobs: people.jobs.length, calls },
    ...{ injuries: total, seconds: world.clock.nowMs / 1000, digest: world.ledger.digest() },
    lines: (all = false) => world.ledger.lines({ all }),
  }
}

async function live(world: World, people: People, untilMs: number): Promise<void> {
  const { clock } = world
  const quietFromMs = Math.max(untilMs, people.busyUntilMs + 60_000)
  let lookMs = 0
  await clock.run(quietFromMs + patienceMs, () => {
    // Counting is not free: once a virtual second.
    if (clock.nowMs < Math.max(quietFromMs, lookMs)) return false
    lookMs = clock.nowMs + 1_000
    return isQuiet(world, people)
  })
}
