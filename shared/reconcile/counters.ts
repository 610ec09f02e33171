import { reconcileKey } from '../keys.ts'
import { type Finding, unknown } from './finding.ts'
import { type CounterVerdict, judgeCounters } from './judge-counters.ts'
import { type Look, stands, windowSeconds } from './look.ts'
import { type Records, readCounters } from './records.ts'
import type { CountingWorld } from './world.ts'

/** Notes are forgotten after an hour without a look. */
const keepSeconds = 3600

/** Looks that a correction needs at least: two agree by chance. */
export const fewestLooks = 3

/**
 * Counters that differ from a recount (judge-counters.ts), noted look for look in Redis: repaired is only what was wrong
 * in the same direction at every look for minutes, and by no more than it was wrong at each of them. Throws
 * redis_unavailable.
 */
export async function findCounters(
  world: CountingWorld,
  records: Records,
  look: Look,
  signal: AbortSignal,
): Promise<Finding[]> {
  const counters = await readCounters(world.redis, signal)
  const verdicts = judgeCounters(records, counters, look, world.limits)
  const found: Finding[] = []
  for (const verdict of [...verdicts, wholeVerdict(verdicts, records, look)]) {
    if (Number.isNaN(verdict.value)) {
      found.push(unknown(verdict.key, 'the counter does not hold a number'))
      continue
    }
    const finding = await note(world, verdict)
    if (finding) found.push(finding)
  }
  return found
}

/** Stands in the notes and findings for the sum of all counters, which is no key. */
const everyTenant = 'all tenants'

/** More messages are visible than all counters together know; joins of shared jobs stand in none. */
function wholeVerdict(
  verdicts: readonly CounterVerdict[],
  records: Records,
  { counts }: Look,
): CounterVerdict {
  const value = verdicts.reduce((sum, verdict) => sum + Math.max(0, verdict.value || 0), 0)
  const joins = records.rows.filter((row) => row.state === 'fanned').length
  const least = Math.max(0, counts.waiting - joins)
  return { key: everyTenant, value, least, most: Number.MAX_SAFE_INTEGER, wrong: Math.min(0, value - least) }
}

async function note(world: CountingWorld, verdict: CounterVerdict): Promise<Finding | undefined> {
  const { limits } = world
  const { key, value, least, most, wrong } = verdict
  const answer = await world.redis.run(
    'reconcile-drift',
    [reconcileKey('drift')],
    [key, wrong, limits.lookGapSeconds * 1000, keepSeconds],
  )
  const [now, since, always, looks] = answer as [number, number, number, number]
  if (since === 0) return undefined
  const stood = stands(since, now, limits) && looks >= fewestLooks
  const ready = stood && key !== everyTenant
  return {
    ...{ code: 'counter_drift', what: key, ageSeconds: Math.round((now - since) / 1000) },
    evidence: { counter: value, least, wrong: always, looks, ...(key === everyTenant ? {} : { most }) },
    repair: ready ? { type: 'correct_counter', key, by: -always, since } : null,
    reason: stood
      ? ready
        ? `it is ${always > 0 ? 'more' : 'less'} than a recount can be, and has been for minutes`
        : 'whose jobs they are the queue does not tell: each is counted right once it was claimed'
      : `wrong for less than ${windowSeconds(limits)} s: counts of a fleet at work move`,
  }
}
