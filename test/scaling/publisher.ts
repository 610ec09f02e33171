import { perInstance } from '../../deploy/backlog/metrics.ts'
import { fewestLooks } from '../../shared/reconcile/counters.ts'
import { driftOf, judgeCounters } from '../../shared/reconcile/judge-counters.ts'
import { defaultLimits } from '../../shared/reconcile/limits.ts'
import { stands } from '../../shared/reconcile/look.ts'
import type { JobRow } from '../../shared/reconcile/records.ts'

/** Messages as SQS counts them. */
export interface Counts {
  readonly waiting: number
  readonly inFlight: number
}

export interface Minute {
  /** Seconds. */
  readonly now: number
  /** The API's counter, right or wrong. */
  readonly counter: number
  readonly counts: Counts
  readonly instances: number
  /** Work that somebody holds, and work that went back: what a recount finds in the records. */
  readonly held: number
  readonly handedBack: number
}

export interface Published {
  readonly backlog: number
  readonly perInstance: number
  readonly drift: number
  /** By how much the counter is to be corrected. */
  readonly correct: number
}

const key = 'backlog'

/**
 * The publisher's minute with the product's own arithmetic: the metric (metrics.ts), the drift and the verdict on the
 * counter (judge-counters.ts), and its rule for repairs: wrong in one direction at every look for the settling and
 * the standing time, and corrected by no more than it was wrong at each (shared/reconcile/counters.ts, whose notes are
 * a Lua script in Redis and are kept here instead).
 */
export function createPublisher({ repairs }: { repairs: boolean }): (minute: Minute) => Published {
  let since = 0
  let looks = 0
  let least = 0

  function note(wrong: number, nowMs: number): number {
    const goesOn = wrong !== 0 && Math.sign(wrong) === Math.sign(least)
    if (!goesOn) {
      ;[since, looks, least] = [nowMs, 0, wrong]
      if (wrong === 0) return 0
    }
    looks += 1
    least = Math.sign(wrong) * Math.min(Math.abs(wrong), Math.abs(least))
    if (!stands(since, nowMs, defaultLimits) || looks < fewestLooks) return 0
    const by = -least
    ;[since, looks, least] = [nowMs, 0, 0]
    return by
  }

  return ({ now, counter, counts, instances, held, handedBack }) => {
    const all = { ...counts, delayed: 0 }
    const drift = driftOf(counter, all)
    // Milliseconds, and never 0, which means never.
    const nowMs = (now + 1) * 1000
    const wrong = () => {
      const rows = [...recordsOf(held, false, nowMs), ...recordsOf(handedBack, true, nowMs)]
      const records = { rows, now: nowMs, whole: true }
      const [verdict] = judgeCounters(records, new Map([[key, counter]]), { counts: all }, defaultLimits)
      return verdict?.wrong ?? 0
    }
    // As mendDrift: agreement ends what was noted, and nothing is counted again.
    const correct = repairs ? note(drift === 0 ? 0 : wrong(), nowMs) : 0
    return {
      ...{ backlog: counter, drift, correct },
      perInstance: perInstance({ backlog: counter, visible: counts.waiting, instances }),
    }
  }
}

function recordsOf(count: number, waiting: boolean, nowMs: number): JobRow[] {
  return Array.from({ length: count }, (_, index) => ({
    ...{ jobId: `${waiting}-${index}`, state: waiting ? 'waiting' : 'running', waiting, counter: key },
    ...{ updated: nowMs, sent: 0, owedUntil: 0, leaseUntil: nowMs + 60_000, failures: 0, crashes: 0 },
  }))
}
