/** The arithmetic of comparing two encoders at equal quality. Pure. */

/** One encode of one rendition. */
export interface Point {
  crf: number
  ssim: number
  bytes: number
}

/** SSIM on a scale on which bytes, as logarithms, and crf lie nearly on straight lines. */
export function toDb(ssim: number): number {
  return -10 * Math.log10(1 - Math.min(ssim, 0.999999))
}

/** A hundredth of the remaining error: nobody sees it, and bytes are interpolated over the rest. */
export const closeDb = 0.05
/** Quality falls by about this much per crf, until two points say better. */
const dbPerCrf = 0.3
/** What x264 is asked for; below this the cap decides, not the crf. */
const crfRange = [4, 45] as const

/** The crf to try next so that SSIM becomes `target`, in tenths; undefined when one of the points is there. */
export function nextCrf(points: readonly Point[], target: number): number | undefined {
  const goal = toDb(target)
  const [nearest] = byDistance(points, goal)
  if (nearest === undefined) throw new Error('no point to start from')
  const missing = goal - toDb(nearest.ssim)
  if (Math.abs(missing) <= closeDb) return undefined
  // Between two points where there is one on either side; else onwards along the last two.
  const second = across(points, nearest, goal) ?? byDistance(points, goal)[1]
  const slope =
    second === undefined ? dbPerCrf : (toDb(nearest.ssim) - toDb(second.ssim)) / (second.crf - nearest.crf)
  // A slope near nothing is the cap at work: no leaps into nowhere.
  const step = missing / Math.max(slope, dbPerCrf / 3)
  const crf = Math.round((nearest.crf - Math.max(-8, Math.min(8, step))) * 10) / 10
  const next = Math.max(crfRange[0], Math.min(crfRange[1], crf))
  return points.some((point) => point.crf === next) ? undefined : next
}

/**
 * Bytes at exactly this SSIM, between the two nearest points or a little (`closeDb`) beyond them; undefined when
 * the points do not come near it.
 */
export function bytesAt(points: readonly Point[], target: number): number | undefined {
  const goal = toDb(target)
  const [nearest] = byDistance(points, goal)
  if (nearest === undefined) return undefined
  const other = across(points, nearest, goal)
  if (other === undefined) return Math.abs(goal - toDb(nearest.ssim)) <= closeDb ? nearest.bytes : undefined
  const part = (goal - toDb(nearest.ssim)) / (toDb(other.ssim) - toDb(nearest.ssim))
  return Math.exp(Math.log(nearest.bytes) + part * (Math.log(other.bytes) - Math.log(nearest.bytes)))
}

/** The nearest point on the other side of the goal. */
function across(points: readonly Point[], from: Point, goal: number): Point | undefined {
  const below = toDb(from.ssim) < goal
  return byDistance(
    points.filter((point) => toDb(point.ssim) < goal !== below),
    goal,
  )[0]
}

function byDistance(points: readonly Point[], goal: number): Point[] {
  const distance = (point: Point) => Math.abs(toDb(point.ssim) - goal)
  return [...points].sort((one, two) => distance(one) - distance(two))
}
