import type { FilmFacts } from './facts.ts'
import { fillBoxes } from './ladder-boxes.ts'
import { levelFor } from './levels.ts'
import type { Profile } from './profile.ts'
import type { ProfileRung } from './profile-checks.ts'
import { type Rational, reduce } from './timeline.ts'

/** One video rendition of the output, fully decided. */
export interface Rendition {
  /** `720p`, `720p-hevc`, `720p-av1`: also the name of its folder. */
  readonly name: string
  readonly width: number
  readonly height: number
  /** Pictures per second: the grid's rate, or half of it when `everyNth` is 2. */
  readonly rate: Rational
  readonly everyNth: 1 | 2
  readonly crf: number
  readonly maxrateKbps: number
  readonly bufsizeKbps: number
  /** H.264 level for `-level:v`, such as '3.1'; other encoders find theirs. */
  readonly level: string
  /** None: H.264. */
  readonly codec?: 'hevc' | 'av1'
  /** Pictures that stay HDR, in 10 bits and BT.2020. None: SDR. */
  readonly range?: 'pq' | 'hlg'
  /** The source's own pictures, copied: the top rendition alone, on a grid with `cuts`. */
  readonly copied?: boolean
}

/** A rung closer than this to the one above it (short sides) costs CPU and gives players nothing to switch to. */
const closestRungs = 0.8
/** A source with room for one rung only gets a second one of this part of its size, unless it is tiny. */
const secondRung = 0.6
const tinyShortSide = 240
/** SVT-AV1 (1.4) refuses smaller pictures. */
const leastAv1Side = 64
/** Smoothness is paid for: cap at more than 30 pictures a second against the profile's figure. */
const fastFactor = 1.4

/**
 * The rungs for one source, largest first: every rung of the profile that is not larger than the shown picture,
 * under a top rung of the source's own size where that lies between two rungs. Never larger than the source,
 * even sizes, its shape kept.
 */
export function planLadder(facts: FilmFacts, profile: Profile): Rendition[] {
  const { displayWidth: width, displayHeight: height } = facts.video
  const rate = outputRate(facts, profile)
  if (profile.layout === 'academy') {
    return fillBoxes({ width, height }, profile.rungs).map(({ rung, ...box }, position) =>
      renditionOf({ ...box, side: rung.shortSide, rung, rate, profile, top: position === 0 }),
    )
  }
  const sizes = fitRungs({ width, height }, profile.rungs)
  const top = sizes[0]!.side
  const plain = sizes.map((size) => renditionOf({ ...size, rate, profile, top: size.side === top }))
  return [...plain, ...otherCodecs(facts, profile, top)]
}

/** Renditions of other codecs stand behind those of H.264, which players know by their place. top: the side of theirs. */
function otherCodecs(facts: FilmFacts, profile: Profile, top: number): Rendition[] {
  const { displayWidth: width, displayHeight: height } = facts.video
  const rate = outputRate(facts, profile)
  const { dynamicRange } = facts.video
  const range = profile.hevc?.hdr === 'keep' && dynamicRange !== 'sdr' ? { range: dynamicRange } : {}
  return (['hevc', 'av1'] as const).flatMap((codec) =>
    fitRungs({ width, height }, profile[codec]?.rungs ?? [])
      .filter((size) => codec !== 'av1' || Math.min(size.width, size.height) >= leastAv1Side)
      .map((size) => ({
        // As many pictures as H.264 has at this size.
        ...renditionOf({ ...size, name: `${size.name}-${codec}`, rate, profile, top: size.side >= top }),
        codec,
        ...(codec === 'hevc' ? range : {}),
      })),
  )
}

/** The sizes of one codec for a source, largest first. */
function fitRungs({ width, height }: Size, rungs: readonly ProfileRung[]): Fitted[] {
  if (rungs.length === 0) return []
  const short = Math.min(width, height)
  const sides = [Math.min(short, rungs[0]!.shortSide)]
  for (const { shortSide } of rungs) {
    if (shortSide <= sides.at(-1)! * closestRungs) sides.push(shortSide)
  }
  if (sides.length === 1 && rungs.length > 1 && short > tinyShortSide) sides.push(even(short * secondRung))
  return sides.map((side) => {
    const size = scaleTo(width, height, side)
    const name = `${Math.min(size.width, size.height)}p`
    return { name, ...size, side, rung: stretched(rungFor(side, rungs), size) }
  })
}

interface Size {
  readonly width: number
  readonly height: number
}

interface Fitted extends Size {
  readonly name: string
  /** By which the profile finds low rungs. */
  readonly side: number
  readonly rung: ProfileRung
}

interface Rung extends Fitted {
  readonly rate: Rational
  readonly profile: Profile
  readonly top: boolean
}

function renditionOf({ name, width, height, side, rung, rate, profile, top }: Rung): Rendition {
  const perSecond = rate.num / rate.den
  // The top rung keeps every picture, however small the source is.
  const halve = !top && side <= profile.lowRungShortSide && perSecond > profile.lowRungMaxFps
  const own = halve ? reduce({ num: rate.num, den: rate.den * 2 }) : rate
  const cap = Math.round(rung.maxrateKbps * (own.num / own.den > 31 ? fastFactor : 1))
  return {
    ...{ name, width, height, rate: own },
    everyNth: halve ? 2 : 1,
    crf: rung.crf,
    maxrateKbps: cap,
    // One and a half seconds: room for a key frame, and no peak that a player must buffer for.
    bufsizeKbps: Math.round(cap * 1.5),
    level: levelFor({ width, height }, own),
  }
}

/**
 * Pictures per second of the output: the source's own rate, divided by whole numbers until it is at most
 * `maxFps`, so that every output picture is a source picture at its own time (240 gives 60, 100 gives 50).
 */
export function outputRate(facts: FilmFacts, profile: Profile): Rational {
  const { num, den } = facts.video.rate
  // A thousandth of slack: 60000/1001 written as 59.95 is not to be halved.
  const divisor = Math.max(1, Math.ceil(num / den / (profile.maxFps * 1.001)))
  return reduce({ num, den: den * divisor })
}

/** The even size nearest to the source's shape whose short side is at most `side`. */
function scaleTo(width: number, height: number, side: number): Size {
  const scale = side / Math.min(width, height)
  const short = even(side)
  // From the exact scale, not from the rounded short side: the error stays below a pixel each way.
  const long = Math.min(
    evenNear((Math.max(width, height) * scale * short) / side),
    even(Math.max(width, height)),
  )
  return width >= height ? { width: long, height: short } : { width: short, height: long }
}

/** The profile's figures for this size: a rung of its own, or one in between the two nearest. */
function rungFor(side: number, rungs: readonly ProfileRung[]): ProfileRung {
  const above = rungs.findLast((rung) => rung.shortSide >= side) ?? rungs[0]!
  const below = rungs.find((rung) => rung.shortSide <= side)
  if (below?.shortSide === above.shortSide) return above
  if (below === undefined) {
    // Smaller than the lowest rung. Bits fall slower than pixels do: power 0.75 of the area.
    const share = (side / above.shortSide) ** 1.5
    return { ...above, shortSide: side, maxrateKbps: Math.max(100, Math.round(above.maxrateKbps * share)) }
  }
  const part = (side - below.shortSide) / (above.shortSide - below.shortSide)
  const maxrateKbps = Math.round(below.maxrateKbps + part * (above.maxrateKbps - below.maxrateKbps))
  return { shortSide: side, crf: below.crf, maxrateKbps }
}

/** Rungs go by the short side, as films and screens are shaped; what is longer still has more pixels to spend bits on. */
const longestUsual = 2.5

/** The cap of a long picture, by the power of its area as in rungFor. */
function stretched(rung: ProfileRung, { width, height }: Size): ProfileRung {
  const excess = Math.max(width, height) / Math.min(width, height) / longestUsual
  return excess <= 1 ? rung : { ...rung, maxrateKbps: Math.round(rung.maxrateKbps * excess ** 0.75) }
}

function even(value: number): number {
  return Math.max(2, Math.floor(value / 2) * 2)
}

function evenNear(value: number): number {
  return Math.max(2, Math.round(value / 2) * 2)
}
