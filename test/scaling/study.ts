import type { FleetTimes } from '../bench/simulate.ts'
import { loads } from './loads.ts'
import { type Figures, figuresOf, type Spread } from './measure.ts'
import { type FleetSettings, type Load, type Run, run, type Signal } from './run.ts'

/** What the page ends with; of the configuration the same as its defaults. */
export const defaults = {
  ...{ signal: 'BacklogPerInstance', target: 15, min: 0, max: 20, warmupSeconds: 180 },
  // Assumed of an instance: launch, boot, image or code, first poll.
  bootSeconds: 120,
  ...{ idleSeconds: 60, leaveSeconds: 30, cores: 8, chunkSeconds: 120, fanoutMinChunks: 4 },
  ...{ base: 'warmed', repairs: true, seed: 1 },
} as const satisfies Omit<FleetSettings, 'times'>

export const signals: readonly Signal[] = ['BacklogPerInstance', 'queue depth', 'BacklogCount']
export const targets = [1, 2, 5, 10, 15, 20, 30, 50, 100]
/** Every figure is the mean over these. */
export const seeds = [1, 2, 3]

/** In these loads nothing is broken: by them a target is chosen. */
const healthy = ['a weekday', 'morning burst', 'one five-hour video', 'quiet night']
/** Nineteen of twenty videos are to be ready no later than this after the earliest that was possible. */
export const lateLimitSeconds = 900

/** The settings of one row: what they are called, and the figures of each load in the order of `loads`. */
export interface Row {
  readonly what: string
  readonly value: number
  readonly figures: readonly Figures[]
}

export interface ScalingFacts {
  readonly times: FleetTimes
  readonly loads: readonly Pick<Load, 'name' | 'story'>[]
  readonly targets: Readonly<Record<Signal, readonly Row[]>>
  readonly sweeps: Readonly<Record<string, readonly Row[]>>
  readonly doubts: readonly Row[]
}

type More = Partial<FleetSettings>

/** The loads of each seed. */
const known = new Map<number, readonly Load[]>()

/** One load, by its name and seed, on a fleet of the defaults but for `more`. */
export function runLoad(times: FleetTimes, name: string, more: More = {}): Run {
  const seed = more.seed ?? defaults.seed
  const all = known.get(seed) ?? loads(seed)
  known.set(seed, all)
  const load = all.find((each) => each.name === name)
  if (!load) throw new Error(`there is no load ${name}`)
  return run(load, { ...defaults, times, ...more, seed })
}

/** All runs of the page: 1,200, in five seconds of an idle core. */
export function study(times: FleetTimes): ScalingFacts {
  const all = loads(1)
  const row = (what: string, value: number, more: More): Row => ({
    ...{ what, value },
    figures: all.map(({ name }) =>
      mean(seeds.map((seed) => figuresOf(runLoad(times, name, { ...more, seed })))),
    ),
  })
  const rows = (what: keyof typeof defaults, values: readonly number[]) =>
    values.map((value) => row(what, value, { [what]: value }))
  const ofSignal = (signal: Signal) => targets.map((target) => row(signal, target, { signal, target }))
  return {
    times,
    loads: all.map(({ name, story }) => ({ name, story })),
    targets: Object.fromEntries(
      signals.map((each) => [each, ofSignal(each)]),
    ) as unknown as ScalingFacts['targets'],
    sweeps: {
      warmupSeconds: rows('warmupSeconds', [0, 60, 120, 180, 300, 600]),
      min: rows('min', [0, 1, 2]),
      max: rows('max', [5, 10, 20, 40]),
      idleSeconds: rows('idleSeconds', [0, 60, 300, 900]),
      bootSeconds: rows('bootSeconds', [60, 120, 240, 480]),
      cores: rows('cores', [2, 4, 8, 16]),
      targetOnHalf: [4, 8, 12, 15].map((target) =>
        row('target', target, { target, cores: defaults.cores / 2 }),
      ),
    },
    doubts: [
      row('as above', 0, {}),
      row('Auto Scaling multiplies by instances that are warming, too', 0, { base: 'all' }),
      row('counters are not repaired (no `REDIS_HOST`)', 0, { repairs: false }),
    ],
  }
}

/**
 * The cheapest target at which every healthy load keeps the limit; of a signal with none, the cheapest of those that are
 * less than a fifth worse than its best. Pure.
 */
export function bestTarget(facts: ScalingFacts, signal: Signal): { row: Row; keepsLimit: boolean } {
  const rows = facts.targets[signal].map((row) => ({ row, ...costOf(facts, row) }))
  const least = Math.min(...rows.map(({ late }) => late))
  const limit = Math.max(lateLimitSeconds, 1.2 * least)
  const [best] = rows.filter(({ late }) => late <= limit).toSorted((a, b) => a.hours - b.hours)
  return { row: best!.row, keepsLimit: least <= lateLimitSeconds }
}

/** Of the healthy loads: all instance-hours, and the latest p95. Pure. */
export function costOf(facts: ScalingFacts, { figures }: Row): { hours: number; late: number } {
  const chosen = figures.filter((_, index) => healthy.includes(facts.loads[index]!.name))
  return {
    hours: chosen.reduce((sum, { instanceHours }) => sum + instanceHours, 0),
    late: Math.max(...chosen.map(({ late }) => late.p95)),
  }
}

function mean(all: readonly Figures[]): Figures {
  const of = (pick: (figures: Figures) => number) =>
    Number((all.reduce((sum, each) => sum + pick(each), 0) / all.length).toFixed(3))
  const spread = (pick: (figures: Figures) => Spread): Spread => ({
    p50: of((each) => pick(each).p50),
    p95: of((each) => pick(each).p95),
    max: of((each) => pick(each).max),
  })
  return {
    ...{
      videos: of(({ videos }) => videos),
      lost: of(({ lost }) => lost),
      launched: of(({ launched }) => launched),
    },
    ...{ wait: spread(({ wait }) => wait), late: spread(({ late }) => late) },
    ...{ instanceHours: of((each) => each.instanceHours), idleShare: of(({ idleShare }) => idleShare) },
    ...{ peak: of(({ peak }) => peak), overshoot: of(({ overshoot }) => overshoot) },
  }
}
