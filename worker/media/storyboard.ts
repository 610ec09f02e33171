import type { VideoChunkRequest } from './args-video.ts'
import type { Rendition } from './ladder.ts'
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
  const smallest = smallestRendition(request.ladder)
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

/** The rendition whose pictures are on the board: of H.264, which stands first and is always there. */
export function smallestRendition(ladder: readonly Rendition[]): Rendition {
  return ladder.findLast(({ codec }) => codec === undefined)!
}

export function storyboardFilters(plan: StoryboardPlan): string[] {
  return [
    `framestep=${plan.everyFrames}`,
    // JPEG means BT.601, full range.
    `scale=${plan.width}:${plan.height}:flags=bicubic:in_color_matrix=bt709:out_color_matrix=bt601:in_range=tv:out_range=pc`,
    'format=yuvj420p',
    `tile=${plan.columns}x${plan.rows}`,
    // ffmpeg (5.1) reports no progress before every output has had a frame, and a sheet is full only minutes of
    // video later: the stall watchdog would kill the encode. A blank one goes first, dropped below.
    'tpad=start=1',
  ]
}

export function storyboardFlags(path: string): string[] {
  return [
    '-c:v',
    'mjpeg',
    '-q:v',
    '5',
    // The blank sheet of storyboardFilters is not written.
    '-bsf:v',
    'noise=amount=0:drop=eq(n\\,0)',
    '-fps_mode',
    'passthrough',
    '-f',
    'image2',
    '-start_number',
    '0',
    path,
  ]
}

export interface SheetCues {
  /** File name of the sheet. */
  readonly sheet: string
  readonly cues: readonly { readonly start: number; readonly end: number }[]
}

/** The pictures of one chunk that starts at `startSeconds` and really lasts `seconds`: gapless, sheet by sheet. */
export function storyboardCues(plan: StoryboardPlan, startSeconds: number, seconds: number): SheetCues[] {
  const perSheet = plan.columns * plan.rows
  const count = Math.max(1, Math.ceil(seconds / plan.seconds - 1e-6))
  return Array.from({ length: Math.ceil(count / perSheet) }, (_, index) => ({
    sheet: plan.pattern.replace('%03d', String(index).padStart(3, '0')),
    cues: Array.from({ length: Math.min(perSheet, count - index * perSheet) }, (_, n) => {
      const picture = index * perSheet + n
      return {
        start: startSeconds + picture * plan.seconds,
        end: startSeconds + Math.min((picture + 1) * plan.seconds, seconds),
      }
    }),
  }))
}

function even(value: number): number {
  return Math.max(2, Math.round(value / 2) * 2)
}
