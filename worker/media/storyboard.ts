import type { VideoChunkRequest } from './args.ts'
import type { StoryboardSheet } from './playlist.ts'
import { framesToSeconds } from './timeline.ts'

/** The small pictures over the seek bar: one every few seconds, tiled into sheets, per chunk. */
export interface StoryboardPlan {
  /** File name pattern: sheet 0 of chunk 3 is `storyboard-00003-000.jpg`. */
  readonly pattern: string
  /** Of the smallest rendition's frames, every how many-th is on the board, the chunk's first one included. */
  readonly everyFrames: number
  readonly seconds: number
  readonly columns: number
  readonly rows: number
  readonly width: number
  readonly height: number
}

const longSide = 192
const columns = 4
/** 32 pictures a sheet: about 100 kB, and no JPEG side near its limit of 65535. */
const mostRows = 8

/** Depends on the plan of the job alone, so that join can name the sheets of chunks that others encoded. */
export function storyboardPlan(
  request: Pick<VideoChunkRequest, 'ladder' | 'grid' | 'chunk' | 'profile'>,
): StoryboardPlan {
  const { grid, chunk, profile } = request
  const smallest = request.ladder.at(-1)!
  const { num, den } = smallest.rate
  // Whole key frame intervals: those pictures are the best coded ones, and chunks hold whole numbers of them.
  const keys = Math.max(
    1,
    Math.round((profile.storyboardSeconds * grid.rate.num) / grid.rate.den / grid.keyFrames),
  )
  const everyFrames = (keys * grid.keyFrames) / smallest.everyNth
  const pictures = Math.ceil(chunk.frames / (everyFrames * smallest.everyNth))
  const scale = longSide / Math.max(smallest.width, smallest.height)
  return {
    pattern: `storyboard-${String(chunk.index).padStart(5, '0')}-%03d.jpg`,
    everyFrames,
    seconds: framesToSeconds(everyFrames, { num, den }),
    columns,
    rows: Math.min(mostRows, Math.max(1, Math.ceil(pictures / columns))),
    width: even(smallest.width * Math.min(1, scale)),
    height: even(smallest.height * Math.min(1, scale)),
  }
}

export function storyboardFilters(plan: StoryboardPlan): string[] {
  return [
    `framestep=${plan.everyFrames}`,
    // JPEG means BT.601, full range.
    `scale=${plan.width}:${plan.height}:flags=bicubic:in_color_matrix=bt709:out_color_matrix=bt601:in_range=tv:out_range=pc`,
    'format=yuvj420p',
    `tile=${plan.columns}x${plan.rows}`,
  ]
}

export function storyboardFlags(path: string): string[] {
  return [
    '-c:v',
    'mjpeg',
    '-q:v',
    '5',
    '-fps_mode',
    'passthrough',
    '-f',
    'image2',
    '-start_number',
    '0',
    path,
  ]
}

/** Chunks as their manifests list them: the sheets that really came out. */
export interface ChunkSheets {
  readonly index: number
  readonly sheets: readonly { readonly uri: string }[]
}

/** All sheets of a video in order, with the times of their pictures: gapless from 0 to `seconds`, its real length. */
export function storyboardSheets(
  plan: Pick<VideoChunkRequest, 'ladder' | 'grid' | 'profile'>,
  chunks: readonly ChunkSheets[],
  seconds: number,
): StoryboardSheet[] {
  return chunks.flatMap(({ index, sheets }) => {
    const chunk = plan.grid.chunks[index]
    if (!chunk) return []
    const board = storyboardPlan({ ...plan, chunk })
    const next = plan.grid.chunks[index + 1]
    const end = next ? Math.min(next.startSeconds, seconds) : seconds
    const { columns, rows, width, height } = board
    return sheets.map(({ uri }, sheet) => {
      const first = chunk.startSeconds + sheet * columns * rows * board.seconds
      const count = Math.min(columns * rows, Math.ceil((end - first) / board.seconds - 1e-6))
      const cues = Array.from({ length: Math.max(0, count) }, (_, n) => ({
        start: first + n * board.seconds,
        end: Math.min(first + (n + 1) * board.seconds, end),
      }))
      return { uri, cues, columns, width, height }
    })
  })
}

function even(value: number): number {
  return Math.max(2, Math.round(value / 2) * 2)
}
