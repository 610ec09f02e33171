/**
 * Target tracking as EC2 Auto Scaling does it with a customized metric, minute by minute (facts of the user guide and
 * of the alarms that it makes: three points above the target, fifteen below nine tenths of it).
 */

export interface PolicySettings {
  readonly target: number
  readonly min: number
  readonly max: number
  /**
   * What the ratio of metric to target is multiplied by, which AWS does not say: `warmed` is the user guide's words (what
   * is warming counts as there already, and adds nothing to the metric), `all` the other reading.
   */
  readonly base: 'warmed' | 'all'
}

/** What the policy knows of its group when it decides. */
export interface GroupView {
  readonly desired: number
  /** In service for the warm-up and longer. */
  readonly warmed: number
  /** Launched, and not warmed yet. */
  readonly warming: number
}

/** Points of 60 s that must all lie beyond the threshold. */
export const pointsOut = 3
export const pointsIn = 15
/** The lower alarm stands at this share of the target. */
export const lowShare = 0.9

export type Alarm = 'high' | 'low' | 'ok' | 'insufficient data'

/** What the two alarms say of the newest points, oldest first; undefined is a minute without data. Pure. */
export function alarmOf(points: readonly (number | undefined)[], target: number): Alarm {
  const newest = (count: number) => (points.length < count ? [undefined] : points.slice(-count))
  const all = (count: number, is: (value: number) => boolean) =>
    newest(count).every((value) => value !== undefined && is(value))
  if (all(pointsOut, (value) => value > target)) return 'high'
  if (all(pointsIn, (value) => value < lowShare * target)) return 'low'
  return points.at(-1) === undefined ? 'insufficient data' : 'ok'
}

/**
 * The capacity that is desired from now on. Out: as many as bring the metric to its target, those that are warming
 * counted as there already; a second breach that wants no more adds none. In: the same, but never while an instance
 * warms. Without data nothing changes. Pure.
 */
export function nextDesired(
  points: readonly (number | undefined)[],
  group: GroupView,
  { target, min, max, base }: PolicySettings,
): number {
  const within = (capacity: number) => Math.min(max, Math.max(min, capacity))
  const alarm = alarmOf(points, target)
  const value = points.at(-1)
  if (value === undefined || (alarm !== 'high' && alarm !== 'low')) return within(group.desired)
  if (alarm === 'high') {
    const instances = base === 'all' ? group.warmed + group.warming : group.warmed
    return within(Math.max(group.desired, Math.ceil((value / target) * instances)))
  }
  if (group.warming > 0) return within(group.desired)
  return within(Math.min(group.desired, Math.ceil((value / target) * group.warmed)))
}

/**
 * Ratios to no instance have no answer, so the first ones come from steps (deploy/stack): an alarm of one point, that
 * something waits and no instance is wanted, adds one, three from three targets on, nine from nine targets on. 0: it adds
 * nothing. Pure.
 */
export function startFromZero(
  value: number | undefined,
  desired: number,
  { target, max }: Pick<PolicySettings, 'target' | 'max'>,
): number {
  if (value === undefined || value <= 0 || desired > 0) return 0
  return Math.min(max, value < 3 * target ? 1 : value < 9 * target ? 3 : 9)
}
