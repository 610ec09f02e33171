import { WorkerError } from '../../shared/errors.ts'
import { type Chunk, framesToSeconds, type Grid, type Rational } from '../media/timeline.ts'

export interface GridRequest {
  /** Pictures per second of the output, exact. */
  readonly rate: Rational
  /** Estimated length of the video in seconds. */
  readonly seconds: number
  readonly segmentSeconds: number
  /** Infinity for one chunk (sources that cannot be sought). */
  readonly chunkSeconds: number
}

/** Apple's authoring rules ask for a key frame every two seconds (1.13). */
const keyFrameSeconds = 2
/** Above this rate the low rungs get every other picture (ladder.ts), so their grid must be even. */
const halfRateAbove = 30

/** Pictures a second: two of them are 30 s. */
const slowestPairs = 1 / 15

/**
 * Lays the output's frame grid: key frames about every two seconds, segments of whole key frame intervals,
 * chunks of whole segments. The result depends on nothing but the request, so every worker that plans the same
 * source cuts it at the same frames. A last chunk shorter than a segment is merged into the one before it.
 * Throws `internal` for numbers that no caller should have.
 */
export function planGrid({ rate, seconds, segmentSeconds, chunkSeconds }: GridRequest): Grid {
  const perSecond = rate.num / rate.den
  for (const [name, value] of Object.entries({ perSecond, seconds, segmentSeconds, chunkSeconds })) {
    if (!(value > 0)) throw new WorkerError('internal', `the grid needs ${name} above 0, not ${value}`)
  }

  // Slow pictures (1 in 10 s) make every one a key frame; rounding keeps 29.97 at 60 frames (2.002 s).
  let keyFrames = Math.max(1, Math.round(keyFrameSeconds * perSecond))
  if (perSecond > halfRateAbove && keyFrames % 2 === 1) keyFrames += 1
  const fitting = Math.round((segmentSeconds * perSecond) / keyFrames)
  // One picture says nothing of its time, so a segment has two, unless they are so slow that this would be half a minute.
  const least = keyFrames === 1 && perSecond >= slowestPairs ? 2 : 1
  const keysPerSegment = Math.max(least, fitting)
  const segmentFrames = keyFrames * keysPerSegment

  const totalFrames = Math.max(1, Math.round(seconds * perSecond))
  const chunkSegments = Math.min(
    Math.max(1, Math.round((chunkSeconds * perSecond) / segmentFrames)),
    Math.ceil(totalFrames / segmentFrames),
  )
  return {
    rate,
    keyFrames,
    segmentFrames,
    chunkSegments,
    totalFrames,
    chunks: cut(totalFrames, segmentFrames, chunkSegments, rate),
  }
}

/** AAC frames a second at 48 kHz. */
const soundRate = { num: 375, den: 8 }

/** The grid of a source without pictures: of AAC frames, so that all segments last equally long, and without chunks. */
export function planSoundGrid(request: Pick<GridRequest, 'seconds' | 'segmentSeconds'>): Grid {
  const grid = planGrid({ ...request, rate: soundRate, chunkSeconds: Number.POSITIVE_INFINITY })
  return { ...grid, chunks: [] }
}

function cut(totalFrames: number, segmentFrames: number, chunkSegments: number, rate: Rational): Chunk[] {
  const chunkFrames = chunkSegments * segmentFrames
  const whole = Math.floor(totalFrames / chunkFrames)
  const rest = totalFrames - whole * chunkFrames
  // Less than a segment is not worth an encoder start, and as an estimate it may not exist at all.
  const count = Math.max(1, whole + (rest >= segmentFrames ? 1 : 0))

  return Array.from({ length: count }, (_, index) => {
    const firstFrame = index * chunkFrames
    const last = index === count - 1
    const frames = last ? totalFrames - firstFrame : chunkFrames
    return {
      index,
      firstFrame,
      frames,
      firstSegment: index * chunkSegments,
      segments: Math.ceil(frames / segmentFrames),
      startSeconds: framesToSeconds(firstFrame, rate),
      last,
    }
  })
}
