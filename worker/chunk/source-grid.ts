import { type Chunk, framesToSeconds, type Grid } from '../media/timeline.ts'

/** A key frame of the source: its place on the output's frame grid, and ticks from its decoding to its display. */
export interface SourceKey {
  readonly frame: number
  readonly decodeLead: number
}

export interface SourceGridRequest {
  /** The grid that an encode would have: its segments are the longest allowed, its chunks the usual ones. */
  readonly usual: Grid
  /** In order; the first is frame 0. */
  readonly keys: readonly SourceKey[]
  /** Frames of the source, counted. */
  readonly totalFrames: number
  /** Rungs of half the rate have every other frame: their cuts must be at even ones. */
  readonly even: boolean
}

/** ffmpeg takes the cuts of a chunk as one argument, of at most 128 KiB. */
const mostCuts = 5000

/**
 * Lays a grid on the source's own key frames, so that its pictures can be copied: segments end at the last key frame
 * within their usual length, chunks at the segment nearest to theirs. Returns a sentence when the key frames are
 * too far apart for it. Pure: whoever plans the same source gets the same cuts.
 */
export function planSourceGrid({ usual, keys, totalFrames, even }: SourceGridRequest): Grid | string {
  const usable = even ? keys.filter(({ frame }) => frame % 2 === 0) : keys
  const starts = usable.map(({ frame }) => frame)
  const segments = strides(starts, usual.segmentFrames, totalFrames)
  if (typeof segments === 'string') return segments
  const own = strides(starts, usual.keyFrames, totalFrames, 'or next')
  if (typeof own === 'string') return own
  // A segment starts with a key frame in every rendition.
  const cuts = { segments, keys: [...new Set([...segments, ...own])].sort((a, b) => a - b) }
  if (cuts.keys.length > mostCuts)
    return `there are ${cuts.keys.length} key frames, at most ${mostCuts} are used`
  const leads = new Map(usable.map(({ frame, decodeLead }) => [frame, decodeLead]))
  const chunks = cut({ ...usual, totalFrames, cuts }, leads)
  return { ...usual, totalFrames, chunks, cuts }
}

/**
 * From 0 on, each time the last start within `stride` frames; when there is none, the next one (`or next`) or a
 * sentence. The end of the video counts as a start.
 */
function strides(starts: readonly number[], stride: number, end: number, far?: 'or next'): number[] | string {
  const taken = [0]
  let next = 1
  for (;;) {
    const from = taken.at(-1)!
    if (from + stride >= end) return taken
    while (next < starts.length && starts[next]! <= from + stride) next += 1
    const last = starts[next - 1]!
    if (last > from) taken.push(last)
    else if (far === undefined)
      return `key frames lie up to ${(starts[next] ?? end) - from} frames apart, a segment has ${stride}`
    else if (next < starts.length) taken.push(starts[next]!)
    else return taken
  }
}

function cut(grid: Grid, leads: ReadonlyMap<number, number>): Chunk[] {
  const { segments } = grid.cuts!
  const chunkFrames = grid.chunkSegments * grid.segmentFrames
  const firsts = [0]
  segments.forEach((frame, index) => {
    const behind = frame - segments[firsts.at(-1)!]!
    const ahead = (segments[index + 1] ?? grid.totalFrames) - segments[firsts.at(-1)!]!
    // The nearest cut, and no last chunk that is hardly longer than a segment.
    const full = behind > 0 && ahead - chunkFrames > chunkFrames - behind
    if (full && grid.totalFrames - frame >= grid.segmentFrames) firsts.push(index)
  })
  return firsts.map((firstSegment, index) => {
    const firstFrame = segments[firstSegment]!
    const behind = firsts[index + 1]
    const frames = (behind === undefined ? grid.totalFrames : segments[behind]!) - firstFrame
    return {
      ...{ index, firstFrame, frames, firstSegment, segments: (behind ?? segments.length) - firstSegment },
      startSeconds: framesToSeconds(firstFrame, grid.rate),
      last: behind === undefined,
      decodeLead: leads.get(firstFrame) ?? 0,
    }
  })
}
