import { type Chunk, framesToSeconds, type Grid } from './timeline.ts'

/** Key frames on the grid and nowhere else: segments of all renditions begin together, with an IDR picture. */
export function keyFrameFlags(grid: Grid, chunk: Chunk, everyNth: number): string[] {
  const forced = grid.cuts ? ownKeys(grid.cuts.keys, grid, chunk) : everyKeys(grid)
  const longest = String(forced.longest / everyNth)
  return [
    ...['-g', longest],
    // None before its time: with cuts, they may lie anywhere.
    ...['-keyint_min', grid.cuts ? '1' : longest],
    ...['-sc_threshold', '0'],
    ...['-force_key_frames', grid.cuts ? forced.when : `expr:not(mod(n,${longest}))`],
    ...['-forced-idr', '1'],
    ...['-flags:v', '+cgop'],
  ]
}

function everyKeys({ keyFrames }: Grid) {
  return { longest: keyFrames, when: '' }
}

/** The times of a chunk's key frames: ffmpeg rounds each to the nearest frame. */
function ownKeys(keys: readonly number[], { rate }: Grid, { firstFrame, frames, last }: Chunk) {
  const end = firstFrame + frames
  const inside = keys.filter((frame) => frame >= firstFrame && (last || frame < end))
  const ends = [...inside.slice(1), end]
  return {
    longest: Math.max(...inside.map((frame, at) => ends[at]! - frame)),
    when: inside.map((frame) => framesToSeconds(frame, rate).toFixed(6)).join(','),
  }
}
