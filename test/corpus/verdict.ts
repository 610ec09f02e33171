/** What came of a file, held against what its manifest says. */
import type { Entry, Want } from './manifest.ts'

/** How a file ended: `failed` and `timeout` are never right. */
export type Verdict = 'ok' | 'reject' | 'failed' | 'timeout'

/** The best rendition and the sound, as ffprobe reads them from the finished output. */
export interface Measured {
  readonly width: number
  readonly height: number
  /** Pictures a second. */
  readonly rate: number
  readonly frames: number
  /** From the first picture to the end of the last one. */
  readonly seconds: number
  readonly audio: boolean
  /** Of sources with flashes and beeps: how far each beep is behind its flash, in seconds. */
  readonly offsets?: readonly number[]
  /** PSNR in dB of the picture that is least like the source's at its time. */
  readonly leastDb?: number
}

export interface Ended {
  readonly verdict: Verdict
  /** From the message's sending to the API's acceptance of the callback. */
  readonly seconds: number
  readonly boundSeconds: number
  /** Largest resident memory of one ffmpeg or ffprobe. */
  readonly peakMb: number
  readonly limitMb: number
  /** Why ffprobe could not measure the output; undefined when it could, or when there is none. */
  readonly measured?: Measured | { readonly problem: string }
  /** What the canaries saw. */
  readonly leaks: readonly string[]
}

export interface Judgement {
  readonly right: boolean
  /** How many things were looked at. */
  readonly checks: number
  readonly problems: string[]
}

/** Longest short side of a ladder: larger sources lose size, and only that. */
const tallest = 1080
/** Sizes are even. */
const sizeSlack = 2
/** Of the whole length, beside one picture of the output: rounded time stamps, and a last picture of unknown length. */
const secondsSlack = 0.12

export function judge(entry: Entry, ended: Ended): Judgement {
  const problems: string[] = []
  let checks = 0
  const check = (good: boolean, problem: string) => {
    checks++
    if (!good) problems.push(problem)
  }
  const allowed = entry.expect === 'either' ? ['ok', 'reject'] : [entry.expect]
  check(allowed.includes(ended.verdict), `ended as ${ended.verdict}, the manifest wants ${entry.expect}`)
  check(
    ended.seconds <= ended.boundSeconds,
    `took ${ended.seconds.toFixed(0)} s of ${ended.boundSeconds.toFixed(0)}`,
  )
  check(
    ended.peakMb <= ended.limitMb,
    `ffmpeg took ${ended.peakMb.toFixed(0)} MB, its limit is ${ended.limitMb}`,
  )
  if (entry.evil) check(ended.leaks.length === 0, ended.leaks.join('; '))
  const { measured } = ended
  if (ended.verdict === 'ok' && measured !== undefined) {
    if ('problem' in measured) check(false, measured.problem)
    else for (const [good, problem] of wanted(entry, measured)) check(good, problem)
  }
  return { right: problems.length === 0, checks, problems }
}

function* wanted({ want, variableRate }: Entry, found: Measured): Generator<[boolean, string]> {
  const size = `${found.width}x${found.height}`
  if (want.displaySize !== undefined)
    yield [sizeFits(want.displaySize, found), `is ${size}, wanted ${want.displaySize}`]
  if (want.audio !== undefined)
    yield [found.audio === want.audio, `has ${found.audio ? '' : 'no '}sound, the source has it otherwise`]
  if (want.seconds !== undefined)
    yield [
      Math.abs(found.seconds - want.seconds) <= secondsSlack + 1 / found.rate,
      `lasts ${found.seconds.toFixed(3)} s, wanted ${want.seconds}`,
    ]
  if (want.pairs !== undefined && found.offsets)
    yield [
      found.offsets.length >= want.pairs &&
        found.offsets.every((offset) => Math.abs(offset) <= soundSlack + 1 / found.rate),
      `beeps after flashes ${found.offsets.map((offset) => (offset * 1000).toFixed(0)).join(', ')} ms, wanted ${want.pairs} in step`,
    ]
  if (want.rate !== undefined)
    yield [
      Math.abs(found.rate - want.rate) < 0.01,
      `has ${found.rate.toFixed(2)} pictures a second, wanted ${want.rate}`,
    ]
  if (want.alike !== undefined && found.leastDb !== undefined)
    yield [
      found.leastDb >= want.alike,
      `a picture is at ${found.leastDb} dB of the source's, wanted ${want.alike}`,
    ]
  const count = framesFor(want, variableRate, found)
  if (count !== undefined)
    yield [
      Math.abs(found.frames - count.frames) <= count.slack,
      `has ${found.frames} pictures at ${found.rate.toFixed(2)} a second, wanted ${count.frames}`,
    ]
}

/** A frame of AAC, in seconds: what containers may be silent about. The flash itself waits for the next picture. */
const soundSlack = 1024 / 48_000

/** The wanted size in even numbers, or smaller in the same shape where the ladder ends below it. */
export function sizeFits(displaySize: string, { width, height }: { width: number; height: number }): boolean {
  const [wide, high] = displaySize.split('x').map(Number) as [number, number]
  if (width % 2 !== 0 || height % 2 !== 0 || width > wide + 1 || height > high + 1) return false
  if (Math.min(wide, high) <= tallest) return wide - width < sizeSlack && high - height < sizeSlack
  return Math.abs((width / height) * (high / wide) - 1) <= 0.01
}

/**
 * How many pictures the output must have. A source of constant rate keeps each of them; another one is put on a grid,
 * and one of more than 60 a second loses some: then the length says how many.
 */
function framesFor(want: Want, variableRate: boolean, { rate, seconds }: Measured) {
  if (want.frames === undefined) return undefined
  const kept = want.seconds === undefined || Math.abs(want.frames / want.seconds / rate - 1) < 0.01
  if (kept && !variableRate) return { frames: want.frames, slack: 1 }
  return { frames: Math.round((want.seconds ?? seconds) * rate), slack: 2 }
}
