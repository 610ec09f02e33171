import { parseRational, type Rational, reduce } from './timeline.ts'

/** One packet or picture, times in ticks of the stream's time base. */
export interface PacketTime {
  readonly ticks: number
  /** 0 when unknown. */
  readonly duration: number
  readonly key: boolean
  /** Of a broadcast: the byte of the file at which it begins, where ffmpeg knows it. */
  readonly position?: number
}

/** Reads ffprobe's `compact` packet list; packets that an edit list hides (flag D) and those without a time are left out. */
export function parsePackets(text: string): PacketTime[] {
  const packets: PacketTime[] = []
  for (const line of text.split('\n')) {
    const fields = fieldsOf(line)
    const ticks = Number(fields.pts ?? fields.dts)
    const flags = fields.flags ?? ''
    if (line === '' || !Number.isFinite(ticks) || flags.includes('D')) continue
    const position = Number(fields.pos ?? Number.NaN)
    packets.push({
      ...{ ticks, duration: Number(fields.duration ?? 0) || 0, key: flags.includes('K') },
      ...(Number.isFinite(position) ? { position } : {}),
    })
  }
  return packets
}

export interface FrameFacts {
  readonly ticks: number
  readonly width: number
  readonly height: number
  readonly interlaced: boolean
}

/** Reads ffprobe's `compact` frame list, in the order of display. */
export function parseFrames(text: string): FrameFacts[] {
  const frames: FrameFacts[] = []
  for (const line of text.split('\n')) {
    const fields = fieldsOf(line)
    const ticks = Number(fields.best_effort_timestamp ?? fields.pts)
    if (line === '' || !Number.isFinite(ticks)) continue
    frames.push({
      ticks,
      width: sizeOf(fields.width),
      height: sizeOf(fields.height),
      interlaced: fields.interlaced_frame === '1',
    })
  }
  return frames
}

/** 0 when it is unknown. */
function sizeOf(text: string | undefined): number {
  const size = Number(text)
  return Number.isSafeInteger(size) && size > 0 ? size : 0
}

function fieldsOf(line: string): Record<string, string> {
  const fields: Record<string, string> = {}
  for (const part of line.split('|')) {
    const at = part.indexOf('=')
    const value = part.slice(at + 1).trim()
    if (at > 0 && value !== 'N/A') fields[part.slice(0, at)] = value
  }
  return fields
}

export interface Pace {
  readonly rate: Rational
  readonly variable: boolean
  /** Usual time between two pictures, in ticks. */
  readonly frameTicks: number
}

/** Rates that cameras, films and screens have; a variable rate is made constant on the nearest one. */
const usualRates: readonly Rational[] = [
  ...[1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 18, 20].map((num) => ({ num, den: 1 })),
  { num: 24_000, den: 1001 },
  ...[24, 25].map((num) => ({ num, den: 1 })),
  { num: 30_000, den: 1001 },
  ...[30, 48, 50].map((num) => ({ num, den: 1 })),
  { num: 60_000, den: 1001 },
  { num: 60, den: 1 },
]

/**
 * The rate of a stream from the times of its pictures (in order of display) and from what the header says, exact
 * where the header is right. A rate is variable when one gap in a hundred is off by a tenth of the median and
 * more than 1.5 ms (time stamps in whole milliseconds are off by up to one).
 */
export function paceOf(
  ticks: readonly number[],
  timeBase: Rational,
  stated: readonly (string | undefined)[],
): Pace {
  return paceOfGaps(gapsOf(ticks), timeBase, stated)
}

/** Times between pictures, of their times in order. */
function gapsOf(ticks: readonly number[]): number[] {
  return ticks
    .slice(1)
    .map((tick, i) => tick - ticks[i]!)
    .filter((gap) => gap > 0)
}

/**
 * The same from pictures of several places, in any order; what is further apart than `furthest` seconds is of two places.
 */
export function paceOfPlaces(
  ticks: readonly number[],
  furthest: number,
  timeBase: Rational,
  stated: readonly (string | undefined)[],
): Pace {
  const sorted = ticks.toSorted((a, b) => a - b)
  const near = gapsOf(sorted).filter((gap) => (gap * timeBase.num) / timeBase.den <= furthest)
  return paceOfGaps(near, timeBase, stated)
}

function paceOfGaps(
  gaps: readonly number[],
  timeBase: Rational,
  stated: readonly (string | undefined)[],
): Pace {
  const second = timeBase.den / timeBase.num
  const candidates = stated.map(parseRational).filter((rate) => rate !== undefined)
  if (gaps.length === 0) {
    const rate = plausible(candidates[0]) ?? { num: 25, den: 1 }
    return { rate, variable: false, frameTicks: (second * rate.den) / rate.num }
  }

  const sorted = gaps.toSorted((a, b) => a - b)
  const median = sorted[Math.floor(sorted.length / 2)]!
  const odd = gaps.filter((gap) => Math.abs(gap - median) > Math.max(median / 10, 0.0015 * second)).length
  if (odd > gaps.length / 100) {
    // Nine pictures in ten are at least this far apart: a constant rate of this step loses few and bends none by much.
    const step = sorted[Math.floor(sorted.length / 10)]!
    return { rate: usual(second / Math.max(step, second / 60)), variable: true, frameTicks: median }
  }

  const steady = gaps.filter((gap) => gap < 1.5 * median)
  const mean = steady.reduce((sum, gap) => sum + gap, 0) / steady.length
  const measured = second / mean
  const agreeing = candidates
    .filter((rate) => Math.abs(rate.num / rate.den / measured - 1) < 0.002)
    .toSorted((a, b) => distance(a, measured) - distance(b, measured))
  // A clock in milliseconds cannot tell 29.97 from 29.9697: two ticks over all that was seen is what it cannot know.
  const blur = 2 / (mean * steady.length)
  return { rate: simplify(agreeing[0] ?? approximate(measured), blur), variable: false, frameTicks: mean }
}

/**
 * A single picture that is shown for `seconds` comes twice in this time: of one alone no player can tell how long it
 * lasts. No faster than 30 a second, since low rungs get every other picture of what is.
 */
export function paceOfOne(seconds: number): { rate: Rational; seconds: number } {
  const longer = Math.max(seconds, 2 / 30)
  return { rate: approximate(2 / longer), seconds: longer }
}

function distance(rate: Rational, value: number): number {
  return Math.abs(rate.num / rate.den - value)
}

function plausible(rate: Rational | undefined): Rational | undefined {
  return rate && rate.num / rate.den <= 240 ? simplify(rate) : undefined
}

function usual(value: number): Rational {
  return usualRates.reduce((best, rate) => (distance(rate, value) < distance(best, value) ? rate : best))
}

/** 2997/100 and 29.97003 mean 30000/1001 (two millionths); others keep numbers that ffmpeg's clocks can hold. */
function simplify(rate: Rational, blur = 0): Rational {
  const value = rate.num / rate.den
  const near = usual(value)
  if (distance(near, value) < Math.max(2e-6, blur) * value) return near
  return rate.num <= 120_000 ? reduce(rate) : approximate(value)
}

/** The best fraction with a numerator up to 120000, by continued fractions. */
function approximate(value: number): Rational {
  let [low, high]: [Rational, Rational] = [
    { num: 1, den: 0 },
    { num: 0, den: 1 },
  ]
  let rest = value
  for (let step = 0; step < 20; step++) {
    const whole = Math.floor(rest)
    const next = { num: whole * low.num + high.num, den: whole * low.den + high.den }
    if (next.num > 120_000 || next.den > 120_000) break
    ;[high, low] = [low, next]
    if (Math.abs(rest - whole) < 1e-9) break
    rest = 1 / (rest - whole)
  }
  return low.den > 0 && low.num > 0 ? reduce(low) : { num: Math.max(1, Math.round(value * 1000)), den: 1000 }
}
