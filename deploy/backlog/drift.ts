import { asWorkerError } from '../../shared/errors.ts'
import { reconcileKey } from '../../shared/keys.ts'
import { findCounters } from '../../shared/reconcile/counters.ts'
import type { Repaired } from '../../shared/reconcile/finding.ts'
import { takeLook } from '../../shared/reconcile/look.ts'
import { readRecords } from '../../shared/reconcile/records.ts'
import { repairCounters } from '../../shared/reconcile/repair.ts'
import type { CountingWorld } from '../../shared/reconcile/world.ts'

/** What became of a counter that is wrong. */
export interface DriftReport {
  readonly counter: string
  readonly wrong: number
  readonly result: Repaired['result']
  readonly reason: string
}

/**
 * Notes this minute's look, and when backlog and queue disagree, recounts: what has been wrong for minutes is repaired
 * (shared/reconcile/counters.ts). Rejects with the reason when the truth cannot be learned; metrics are published all
 * the same.
 */
export async function mendDrift(
  world: CountingWorld,
  drift: number,
  { dryRun, signal }: { dryRun: boolean; signal: AbortSignal },
): Promise<DriftReport[]> {
  const look = await takeLook(world, signal)
  if (drift === 0) {
    // They agree: what was noted of a disagreement before is over.
    await world.redis.delete(reconcileKey('drift'))
    return []
  }
  const records = await readRecords(world.redis, world.limits.records, signal)
  if (!records.whole) throw new Error(`there are more than ${world.limits.records} records of jobs`)
  const found = await findCounters(world, records, look, signal)
  const done = await repairCounters(found, world, { signal, dryRun })
  return done.map(({ finding, result, reason }) => ({
    ...{ counter: finding.what, wrong: Number(finding.evidence.wrong ?? 0), result, reason },
  }))
}

/** The reason as the answer of the publisher holds it. */
export function reasonOf(error: unknown): string {
  const { code, message } = asWorkerError(error)
  return `${code}: ${message}`
}
