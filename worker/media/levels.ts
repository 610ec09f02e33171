import type { Rational } from './timeline.ts'

/** ITU-T H.264 table A-1: level, macroblocks per second, macroblocks per picture. */
const levels: readonly (readonly [string, number, number])[] = [
  ['1.0', 1485, 99],
  ['1.1', 3000, 396],
  ['1.2', 6000, 396],
  ['1.3', 11_880, 396],
  ['2.0', 11_880, 396],
  ['2.1', 19_800, 792],
  ['2.2', 20_250, 1620],
  ['3.0', 40_500, 1620],
  ['3.1', 108_000, 3600],
  ['3.2', 216_000, 5120],
  ['4.0', 245_760, 8192],
  ['4.2', 522_240, 8704],
  ['5.0', 589_824, 22_080],
  ['5.1', 983_040, 36_864],
  ['5.2', 2_073_600, 36_864],
]

/** Below this the table's bit rates (level 2.2: 5 Mbit/s High) would bind before our caps do; players do not care. */
const lowest = '3.0'

/** The lowest H.264 level that holds this size at this rate, from `from` up; '5.2' when none does. */
export function levelFor(
  size: { width: number; height: number },
  rate: Rational,
  from: string = lowest,
): string {
  const blocks = Math.ceil(size.width / 16) * Math.ceil(size.height / 16)
  const perSecond = (blocks * rate.num) / rate.den
  // Neither side may be longer than sqrt(8 x the picture limit) macroblocks (A.3.1).
  const longest = Math.ceil(Math.max(size.width, size.height) / 16)
  const fits = levels.find(
    ([, second, picture]) => picture >= blocks && second >= perSecond && longest <= Math.sqrt(8 * picture),
  )
  const name = fits?.[0] ?? '5.2'
  return name < from ? from : name
}
