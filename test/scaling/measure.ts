import type { Run } from './run.ts'

export interface Figures {
  readonly videos: number
  /** Videos that were never ready. */
  readonly lost: number
  /** From the message to the first worker that has it, in seconds. */
  readonly wait: Spread
  /** Ready later than on a fleet that is awake and wide enough, in seconds. */
  readonly late: Spread
  /** From launch to end of every instance. */
  readonly instanceHours: number
  /** Of them, hours that nothing was worked in. */
  readonly idleShare: number
  /** The most instances at one time. */
  readonly peak: number
  readonly launched: number
  /** Instances that were launched and never had work. */
  readonly overshoot: number
}

export interface Spread {
  readonly p50: number
  readonly p95: number
  readonly max: number
}

export function figuresOf({ videos, instances, samples, endedAt }: Run): Figures {
  const done = videos.filter(({ ready }) => ready !== undefined)
  const lived = instances.map(({ launched, gone }) => (gone ?? endedAt) - launched)
  const paid = sum(lived)
  // Samples are a minute apart.
  const worked = 60 * sum(samples.map(({ busy }) => busy))
  return {
    ...{ videos: videos.length, lost: videos.length - done.length, launched: instances.length },
    wait: spreadOf(done.map(({ sent, started }) => started! - sent)),
    late: spreadOf(done.map(({ sent, ready, ideal }) => Math.max(0, ready! - sent - ideal))),
    instanceHours: paid / 3600,
    idleShare: paid === 0 ? 0 : Math.max(0, 1 - worked / paid),
    peak: Math.max(0, ...samples.map(({ alive }) => alive)),
    overshoot: instances.filter(({ turn }) => turn === 0).length,
  }
}

/** The value below which so many of the values lie, by the nearest rank. Pure. */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0
  return { p50: at(0.5), p95: at(0.95), max: at(1) }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
