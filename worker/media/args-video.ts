import { join } from 'node:path'
import { hlsFlags } from './args-hls.ts'
import { cleanOutputFlags, commonFlags, inputFlags, type ToolSource, witnessFlags } from './args-source.ts'
import { clockFilters, downscale, gridFilters, pictureFilters } from './filters.ts'
import type { Rendition } from './ladder.ts'
import type { Profile } from './profile.ts'
import { type StoryboardPlan, storyboardFilters, storyboardFlags, storyboardPlan } from './storyboard.ts'
import type { Chunk, Grid } from './timeline.ts'

export interface VideoChunkRequest extends ToolSource {
  readonly ladder: readonly Rendition[]
  readonly grid: Grid
  readonly chunk: Chunk
  readonly profile: Profile
  /** Existing folder with one existing folder per rendition: gets `720p/init.mp4`, `720p/seg-00012.m4s`, `storyboard-00003-000.jpg`. */
  readonly outDir: string
}

/**
 * One chunk, all renditions, one ffmpeg: one decode, each size scaled from the next larger one, a libx264 and an
 * HLS muxer per rendition, and the storyboard from the smallest. A last chunk that begins past the real end of the
 * source writes no segment.
 */
export function videoChunkArgs(request: VideoChunkRequest): string[] {
  const { chunk, ladder, grid, outDir } = request
  const storyboard = storyboardPlan(request)
  return [
    ...commonFlags({ progress: true }),
    ...inputFlags(request, chunk.index === 0 ? undefined : chunk.startSeconds),
    '-filter_complex',
    filterGraph(request, storyboard),
    ...ladder.flatMap((rendition, rung) => [
      '-map',
      `[out${rung}]`,
      ...cleanOutputFlags,
      ...encoderFlags(request, rendition),
      ...hlsFlags({ dir: join(outDir, rendition.name), grid, firstSegment: chunk.firstSegment }),
    ]),
    '-map',
    '[board]',
    ...cleanOutputFlags,
    ...storyboardFlags(join(outDir, storyboard.pattern)),
    ...witnessFlags(request.facts, request.facts.video.index),
  ]
}

function filterGraph(request: VideoChunkRequest, storyboard: StoryboardPlan): string {
  const { facts, grid, chunk, ladder } = request
  const top = ladder[0]!
  const chains = [
    `[0:${facts.video.index}]${[
      ...clockFilters(facts),
      ...gridFilters(grid.rate, chunk.firstFrame, frameLimit(chunk, grid)),
      ...pictureFilters(facts.video, top.width, top.height),
    ].join(',')}[size0]`,
  ]
  ladder.forEach((rendition, rung) => {
    const below = ladder[rung + 1]
    chains.push(`[size${rung}]split=2[out${rung}][from${rung}]`)
    if (!below) return
    // Every other picture for the low rungs: thrown away before it is scaled.
    const thin =
      below.everyNth === rendition.everyNth ? '' : `framestep=${below.everyNth / rendition.everyNth},`
    // Even sizes bend the shape by a hair; scale would note that as pixels that are not square.
    chains.push(`[from${rung}]${thin}${downscale(below.width, below.height)},setsar=1[size${rung + 1}]`)
  })
  chains.push(`[from${ladder.length - 1}]${storyboardFilters(storyboard).join(',')}[board]`)
  return chains.join(';')
}

/**
 * A chunk has exactly its frames. The last one is open, since lengths in headers are estimates, but not without
 * end: a forged file may hold any number of hours behind its last honest packet.
 */
function frameLimit(chunk: Chunk, grid: Grid): number {
  if (!chunk.last) return chunk.frames
  const tenMinutes = Math.ceil((600 * grid.rate.num) / grid.rate.den)
  return chunk.frames * 2 + tenMinutes
}

function encoderFlags(request: VideoChunkRequest, rendition: Rendition): string[] {
  const { grid, profile, threads } = request
  const keyFrames = String(grid.keyFrames / rendition.everyNth)
  return [
    '-c:v',
    'libx264',
    '-preset',
    profile.preset,
    // A plan that an older worker stored has none.
    ...(profile.x264Params ? ['-x264-params', profile.x264Params] : []),
    '-profile:v',
    'high',
    '-level:v',
    rendition.level,
    '-pix_fmt',
    'yuv420p',
    // Capped constant quality: easy pictures cost little, hard ones never more than the cap.
    '-crf',
    String(rendition.crf),
    '-maxrate',
    `${rendition.maxrateKbps}k`,
    '-bufsize',
    `${rendition.bufsizeKbps}k`,
    // Key frames on the grid and nowhere else: segments of all renditions begin together, with an IDR picture.
    '-g',
    keyFrames,
    '-keyint_min',
    keyFrames,
    '-sc_threshold',
    '0',
    '-force_key_frames',
    `expr:not(mod(n,${keyFrames}))`,
    '-forced-idr',
    '1',
    '-flags:v',
    '+cgop',
    '-colorspace',
    'bt709',
    '-color_primaries',
    'bt709',
    '-color_trc',
    'bt709',
    '-color_range',
    'tv',
    // The fps filter has set every time stamp; ffmpeg's own idea of a constant rate would count from 0.
    '-fps_mode',
    'passthrough',
    '-threads',
    String(threads),
  ]
}
