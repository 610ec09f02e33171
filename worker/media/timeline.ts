/** An exact fraction; rates are pictures per second (30000/1001), time bases seconds per tick (1/90000). */
export interface Rational {
  readonly num: number
  readonly den: number
}

/**
 * The output's own frame grid, the same for every rendition. Frame n is shown at n * den / num seconds after
 * the first picture of the source. Made by planGrid (worker/chunk/grid.ts), stored in the job's plan.
 */
export interface Grid {
  /** Pictures per second of the top rendition. */
  readonly rate: Rational
  /** Frames from one key frame to the next (about two seconds; even above 30 pictures a second). */
  readonly keyFrames: number
  /** Frames in every segment but the last: a whole number of key frame intervals. */
  readonly segmentFrames: number
  /** Segments in every chunk but the last. */
  readonly chunkSegments: number
  /** An estimate: headers lie, the last chunk runs to the real end. */
  readonly totalFrames: number
  readonly chunks: readonly Chunk[]
  /** Where the source's own key frames are the grid (its pictures are copied); else segments are all alike. */
  readonly cuts?: Cuts
}

/** A grid of the source's own making, in frames from the start of the video, each list growing from 0. */
export interface Cuts {
  /** The first frame of each segment. */
  readonly segments: readonly number[]
  /** The key frames of the renditions that are encoded: those of the source that lie about two seconds apart. */
  readonly keys: readonly number[]
}

/** The unit of encode, upload, checkpoint, retry and distribution: a whole number of segments. */
export interface Chunk {
  readonly index: number
  readonly firstFrame: number
  /** Frames in this chunk; of the last one (`last`) only the estimate. */
  readonly frames: number
  readonly firstSegment: number
  /** Segments in this chunk; of the last one only the estimate. */
  readonly segments: number
  /** firstFrame on the grid's clock, in seconds. */
  readonly startSeconds: number
  /** The last chunk is open: it is encoded to the real end of the source, whatever the estimate said. */
  readonly last: boolean
  /** Of copied pictures: ticks of the source's clock by which the first one is decoded before it is shown. */
  readonly decodeLead?: number
}

/** The first frame of segment `index` of the video. */
export function segmentStart({ cuts, segmentFrames, totalFrames }: Grid, index: number): number {
  return cuts ? (cuts.segments[index] ?? totalFrames) : index * segmentFrames
}

/** Frames of segment `index` of the top rendition; the last one of the video may have fewer. */
export function segmentLength(grid: Grid, index: number): number {
  return segmentStart(grid, index + 1) - segmentStart(grid, index)
}

/** Segments of the whole video, as planned. */
export function segmentCount({ chunks }: Grid): number {
  return chunks.reduce((sum, { segments }) => sum + segments, 0)
}

/** Seconds that `frames` frames last at `rate`. */
export function framesToSeconds(frames: number, rate: Rational): number {
  return (frames * rate.den) / rate.num
}

/** `{num: 30000, den: 1001}` as ffmpeg writes and reads it. */
export function formatRational(value: Rational): string {
  return `${value.num}/${value.den}`
}

/** "30000/1001", "16:9", "25" as a Rational in lowest terms; undefined for 0/0, N/A and other nonsense. */
export function parseRational(text: string | undefined): Rational | undefined {
  const match = /^(-?\d+)(?:[/:](\d+))?$/.exec(text ?? '')
  if (!match) return undefined
  const num = Number(match[1])
  const den = match[2] === undefined ? 1 : Number(match[2])
  if (num <= 0 || den <= 0 || !Number.isSafeInteger(num) || !Number.isSafeInteger(den)) return undefined
  return reduce({ num, den })
}

/** The same value in lowest terms. */
export function reduce({ num, den }: Rational): Rational {
  const divisor = gcd(Math.abs(num), den)
  return { num: num / divisor, den: den / divisor }
}

function gcd(a: number, b: number): number {
  let [x, y] = [a, b]
  while (y !== 0) [x, y] = [y, x % y]
  return x === 0 ? 1 : x
}
