import type { SourceFacts } from './facts.ts'
import { type Chunk, framesToSeconds, type Grid } from './timeline.ts'

const second = 1_000_000

/**
 * Copies the pictures of a chunk as they are: from its first key frame on, as many as it has, moved from the source's
 * clock to the output's. facts.jumps is never set here, so all times are the source's own.
 */
export function copyFlags(facts: SourceFacts, grid: Grid, chunk: Chunk): string[] {
  const { origin } = facts.video
  const { start, offset } = clock(origin, grid, chunk)
  return [
    ...['-c:v', 'copy'],
    // From the first key frame that is decoded at or after `start`; the seek of the input lands somewhere before it.
    ...(start === undefined ? [] : ['-copypriorss:v', '0', '-ss', seconds(start)]),
    ...(chunk.last ? [] : ['-frames:v', String(chunk.frames)]),
    ...['-output_ts_offset', seconds(offset)],
    ...['-bsf:v', tagFilter],
  ]
}

/**
 * What the source is, written into its parameter set. ffprobe cannot tell whether it stands there or in the container
 * alone, which some players do not ask: they guess the colours by the size. What says so already stays byte for byte.
 */
const tagFilter =
  'h264_metadata=colour_primaries=1:transfer_characteristics=1:matrix_coefficients=1:video_full_range_flag=0' +
  ':sample_aspect_ratio=1/1'

/**
 * Microseconds to begin at and to move by. ffmpeg takes the beginning off all times, rounded to the ticks of its muxer,
 * which are not those of a source that has less than 10000 a second: both are whole ticks of the source, which the
 * muxer's always divide, and their sum is exactly the origin.
 */
function clock(
  origin: SourceFacts['video']['origin'],
  { rate }: Grid,
  { firstFrame, startSeconds, decodeLead = 0 }: Chunk,
): { start?: number; offset: number } {
  const perTick = (second * origin.timeBase.num) / origin.timeBase.den
  if (firstFrame === 0) return { offset: Math.round(-origin.ticks * perTick) }
  // Half a frame: the group before has ended its decoding by then, and this one has not begun.
  const early = startSeconds - framesToSeconds(0.5, rate)
  const start = origin.ticks + Math.round((early * second) / perTick - decodeLead)
  return { start: Math.round(start * perTick), offset: Math.round((start - origin.ticks) * perTick) }
}

function seconds(microseconds: number): string {
  return (microseconds / second).toFixed(6)
}
