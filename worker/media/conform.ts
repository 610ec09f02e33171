import type { VideoFacts } from './facts.ts'
import type { Rendition } from './ladder.ts'
import { levelFor } from './levels.ts'
import type { SampleIndex } from './mp4-index.ts'
import type { Rational } from './timeline.ts'

/** Time stamps may be off the frame grid by this part of a frame: clocks that do not hold the rate exactly. */
const slackFrames = 0.02

/**
 * Why the source's pictures cannot be shown as they are by the rendition, in a sentence; undefined when nothing in
 * the header speaks against it: H.264 in 8-bit 4:2:0 as every player takes it, upright, of the rendition's own size
 * and rate, in BT.709.
 */
export function pictureObjection(video: VideoFacts, { width, height, rate }: Rendition): string | undefined {
  const { codec, profile, pixelFormat, colour } = video
  if (codec !== 'h264') return `the codec is ${codec}`
  if (!/^(High|Main|(Constrained )?Baseline)$/.test(profile)) return `the H.264 profile is ${profile}`
  if (pixelFormat !== 'yuv420p') return `the pixel format is ${pixelFormat}`
  if (video.interlaced !== 'no') return 'the pictures are interlaced'
  if (video.rotation !== 0) return `the picture is turned by ${video.rotation} degrees`
  // Mirrored, or at an angle: the encoded rungs would show that, and players of a copy do as they please.
  if (video.transformed) return 'the container moves the picture'
  if (video.sampleAspect.num !== video.sampleAspect.den) return 'the pixels are not square'
  if (video.codedWidth !== width || video.codedHeight !== height)
    return `the picture is ${video.codedWidth}x${video.codedHeight}, the rendition ${width}x${height}`
  if (video.variableRate) return 'the frame rate is variable'
  if (video.rate.num * rate.den !== rate.num * video.rate.den) return 'the frame rate is lowered'
  if (video.dynamicRange !== 'sdr') return `the dynamic range is ${video.dynamicRange}`
  if (colour.range === 'pc') return 'the colour range is full'
  if (untagged(video) && Math.min(width, height) > sdShortSide) return undefined
  // SD without a tag is BT.601 by custom and would have to be converted (filters.ts).
  if (colour.space !== 'bt709') return `the colour matrix is ${colour.space}`
  for (const value of [colour.primaries, colour.transfer])
    if (value !== 'bt709' && value !== 'unknown') return `the colours are ${value}`
  return undefined
}

/** Up to this short side (PAL's 576 lines) a picture without tags counts as SD, as in filters.ts. */
const sdShortSide = 576

function untagged({ colour }: VideoFacts): boolean {
  return [colour.space, colour.primaries, colour.transfer].every((value) => value === 'unknown')
}

/** A key frame by its place in display order, and the ticks from its decoding to its display. */
export interface KeyFrame {
  readonly frame: number
  readonly decodeLead: number
}

export interface ConformingTrack {
  readonly keys: readonly KeyFrame[]
  /** Bytes of the pictures from each key frame up to the next. */
  readonly bytes: readonly number[]
  readonly totalFrames: number
}

/**
 * The track as a list of closed groups of pictures on the frame grid, or a sentence that says why it is none. Every
 * picture must stand at its own multiple of the frame time, none missing, none twice, and those decoded from one
 * key frame on must be those shown from it on.
 */
export function conformingTrack(index: SampleIndex, rate: Rational): ConformingTrack | string {
  const { shown, decoded, keys, sizes, timescale } = index
  const frameTicks = (timescale * rate.den) / rate.num
  const total = shown.length
  if (keys[0] !== 0) return 'the first picture is no key frame'
  const level = levelObjection(index.configuration)
  if (level) return level

  const groups: KeyFrame[] = []
  const bytes: number[] = []
  for (let at = 0; at < keys.length; at++) {
    const [first, end] = [keys[at]!, keys[at + 1] ?? total]
    if (!(end > first) || end > total) return 'the list of key frames is damaged'
    const seen = new Uint8Array(end - first)
    let size = 0
    for (let sample = first; sample < end; sample++) {
      const frame = Math.round(shown[sample]! / frameTicks)
      if (Math.abs(shown[sample]! - frame * frameTicks) > Math.max(1, slackFrames * frameTicks))
        return `picture ${sample} is not on the frame grid`
      // Closed: as many pictures as places, and each of them in a place of its own.
      if (frame < first || frame >= end || seen[frame - first] === 1)
        return `picture ${sample} is shown outside of its group, twice or not at all`
      seen[frame - first] = 1
      size += sizes[sample]!
    }
    if (Math.round(shown[first]! / frameTicks) !== first) return 'a group does not start with its key frame'
    const decodeLead = shown[first]! - decoded[first]!
    // A copy finds a key frame by the time of its decoding: the one before must be out of the way by then.
    if (at > 0 && (first - keys[at - 1]!) * frameTicks < decodeLead + frameTicks)
      return 'key frames lie closer together than pictures are reordered'
    groups.push({ frame: first, decodeLead })
    bytes.push(size)
  }
  return { keys: groups, bytes, totalFrames: total }
}

/** Highest level that every player takes: 5.2 (hls-rules: "Profile <= High, level <= 5.2"). */
const highestLevel = 52

function levelObjection(configuration: Buffer | undefined): string | undefined {
  if (!configuration || configuration.length < 7) return 'it has no single parameter set'
  const level = configuration[3]!
  return level > highestLevel ? `its level is ${level / 10}` : undefined
}

/** Whether the level that the source states is at least what its size and rate need (hls-rules 4, h264_level). */
export function levelTooLow(
  configuration: Buffer,
  size: { width: number; height: number },
  rate: Rational,
): boolean {
  return configuration[3]! < Number(levelFor(size, rate, '1.0')) * 10
}
