/** One rendition in chunks against the same rendition in one go, picture by picture. */
import { dirname } from 'node:path'
import { sum } from './figures.ts'
import { frameTimes, likeness } from './pictures.ts'

/** Pictures on either side of a seam that are looked at: half a second. */
export const beside = 15

export interface RungDifference {
  /** Pictures that one of the two does not have, or has at another time. */
  readonly framesOff: number
  /** Difference of the mean likeness (SSIM) to the source. */
  readonly likenessOff: number
  /** The most that a picture beside a seam is less like the source than the same picture in one go. */
  readonly worstDrop: number
  /** The same for all other pictures: what one encode differs from another anyway. */
  readonly worstDropElsewhere: number
  /** The most that a picture beside a seam is below the mean of all, and the same of the video in one go. */
  readonly worstBelow: number
  readonly worstBelowInOneGo: number
}

export interface Rung extends RungDifference {
  readonly bytesRatio: number
}

/** pair: playlists of the one in chunks and of the one in one go. seams: numbers of the first pictures of chunks. */
export async function compareRung(
  pair: readonly [string, string],
  source: string,
  { width, height }: { width: number; height: number },
  seams: readonly number[],
  signal: AbortSignal,
): Promise<RungDifference> {
  const [times, likes]: [string[][], number[][]] = [[], []]
  for (const playlist of pair) {
    times.push(await frameTimes(playlist, signal))
    likes.push(await likeness(playlist, source, { width, height, folder: dirname(playlist) }, signal))
  }
  return { framesOff: framesOff(times[0]!, times[1]!), ...compareLikeness(likes[0]!, likes[1]!, seams) }
}

export function framesOff(cut: readonly string[], whole: readonly string[]): number {
  const elsewhen = cut.filter((time, index) => index < whole.length && time !== whole[index]).length
  return elsewhen + Math.abs(cut.length - whole.length)
}

/** Likeness of each picture to the source, by number. Pure. */
export function compareLikeness(
  cut: readonly number[],
  whole: readonly number[],
  seams: readonly number[],
): Omit<RungDifference, 'framesOff'> {
  const mean = (values: readonly number[]) => sum(values) / values.length
  const near = (picture: number) => seams.some((seam) => picture >= seam - beside && picture < seam + beside)
  const worst = (values: readonly number[]) => Math.max(...values)
  const drops = cut.map((value, picture) => (whole[picture] ?? 1) - value)
  const below = (values: readonly number[]) =>
    worst(values.filter((_, picture) => near(picture)).map((value) => mean(values) - value))
  return {
    likenessOff: Math.abs(mean(cut) - mean(whole)),
    worstDrop: worst(drops.filter((_, picture) => near(picture))),
    worstDropElsewhere: worst(drops.filter((_, picture) => !near(picture))),
    worstBelow: below(cut),
    worstBelowInOneGo: below(whole),
  }
}
