import { needsTags } from './conform.ts'
import type { FilmFacts } from './facts.ts'
import { type Chunk, framesToSeconds, type Grid } from './timeline.ts'

const second = 1_000_000

/**
 * Copies the pictures of a chunk as they are: from its first key frame on, as many as it has, moved from the source's
 * clock to the output's. facts.jumps is never set here, so all times are the source's own.
 */
export function copyFlags(facts: FilmFacts, grid: Grid, chunk: Chunk): string[] {
  const { origin } = facts.video
  const { start, offset } = clock(origin, grid, chunk)
  return [
    ...['-c:v', 'copy'],
    // From the first key frame that is decoded at or after `start`; the seek of the input lands somewhere before it.
    ...(start === undefined ? [] : ['-copypriorss:v', '0', '-ss', seconds(start)]),
    ...(chunk.last ? [] : ['-frames:v', String(chunk.frames)]),
    ...['-output_ts_offset', seconds(offset)],
    ...(needsTags(facts.video) ? ['-bsf:v', tagFilter] : []),
  ]
}

/** What the source is, written into its parameter set: players guess otherwise, by size. */
const tagFilter =
  'h264_metadata=colour_primaries=1:transfer_characteristics=1:matrix_coefficients=1:video_full_range_flag=0'

/**
 * Microseconds to begin at and to move by. ffmpeg takes the beginning off all times and rounds both to ticks, each on
 * its own: the offset is chosen so that the sum of the two is exactly the origin, in whole ticks.
 */
function clock(
  origin: FilmFacts['video']['origin'],
  { rate }: Grid,
  { firstFrame, startSeconds, decodeLead = 0 }: Chunk,
): { start?: number; offset: number } {
  const perTick = (second * origin.timeBase.num) / origin.timeBase.den
  if (firstFrame === 0) return { offset: Math.round(-origin.ticks * perTick) }
  const decoded = origin.ticks * perTick + startSeconds * second - decodeLead * perTick
  // Half a frame: the group before has ended its decoding by then, and this one has not begun.
  const start = Math.round(decoded - framesToSeconds(0.5, rate) * second)
  return { start, offset: Math.round((Math.round(start / perTick) - origin.ticks) * perTick) }
}

function seconds(microseconds: number): string {
  return (microseconds / second).toFixed(6)
}
