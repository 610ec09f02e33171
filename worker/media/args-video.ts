import { join } from 'node:path'
import { av1Flags } from './args-av1.ts'
import { copyFlags } from './args-copy.ts'
import { hevcFlags } from './args-hevc.ts'
import { segmentFlags } from './args-hls.ts'
import { keyFrameFlags } from './args-keys.ts'
import { cleanOutputFlags, commonFlags, inputFlags, type ToolSource, witnessFlags } from './args-source.ts'
import type { FilmFacts } from './facts.ts'
import { filterGraph } from './filter-graph.ts'
import type { Rendition } from './ladder.ts'
import type { Profile } from './profile.ts'
import { storyboardFlags, storyboardPlan } from './storyboard.ts'
import type { Chunk, Grid } from './timeline.ts'

export interface VideoChunkRequest extends ToolSource {
  readonly facts: FilmFacts
  readonly ladder: readonly Rendition[]
  readonly grid: Grid
  readonly chunk: Chunk
  readonly profile: Profile
  /** Existing folder with one existing folder per rendition: gets `720p/init.mp4`, `720p/seg-00012.m4s`, `storyboard-00003-000.jpg`. */
  readonly outDir: string
}

/**
 * One chunk, all renditions, one ffmpeg: one decode, each size scaled from the next larger one, an encoder and an
 * HLS muxer per rendition, and the storyboard from the smallest. A last chunk that begins past the real end of the
 * source writes no segment.
 */
export function videoChunkArgs(request: VideoChunkRequest): string[] {
  const { chunk, ladder, grid, outDir } = request
  const { firstSegment, segments } = chunk
  const storyboard = storyboardPlan(request)
  const from = chunk.index === 0 ? undefined : chunk.startSeconds
  return [
    ...commonFlags({ progress: true }),
    ...inputFlags(request, from),
    // Opened once more for the copy: where a stream is decoded, too, ffmpeg begins a copy by the decoder's clock,
    // which lags behind by as many pictures as it has threads.
    ...(ladder[0]!.copied ? inputFlags(request, from) : []),
    '-filter_complex',
    filterGraph(request, storyboard),
    ...ladder.flatMap((rendition, rung) => [
      ...['-map', rendition.copied ? `1:${request.facts.video.index}` : `[out${rung}]`],
      ...cleanOutputFlags,
      ...(rendition.copied ? copyFlags(request.facts, grid, chunk) : encoderFlags(request, rendition)),
      ...segmentFlags({ dir: join(outDir, rendition.name), grid, firstSegment, segments }),
    ]),
    '-map',
    '[board]',
    ...cleanOutputFlags,
    ...storyboardFlags(join(outDir, storyboard.pattern)),
    ...witnessFlags(request.facts, request.facts.video.index),
  ]
}

function encoderFlags(request: VideoChunkRequest, rendition: Rendition): string[] {
  const { grid, chunk } = request
  const { codec, everyNth } = rendition
  return [
    ...codecFlags(request, rendition),
    // Capped constant quality: easy pictures cost little, hard ones never more than the cap.
    '-crf',
    String(rendition.crf),
    '-maxrate',
    `${rendition.maxrateKbps}k`,
    '-bufsize',
    `${rendition.bufsizeKbps}k`,
    // SVT-AV1 (1.4) takes no orders for single key frames: one at the start of the chunk, then one every so many pictures.
    ...(codec === 'av1' ? ['-g', String(grid.keyFrames / everyNth)] : keyFrameFlags(grid, chunk, everyNth)),
    ...colourFlags(rendition),
    // The fps filter has set every time stamp; ffmpeg's own idea of a constant rate would count from 0.
    '-fps_mode',
    'passthrough',
    '-threads',
    String(request.threads),
  ]
}

/** What filter-graph.ts made of the colours. */
function colourFlags({ range }: Rendition): string[] {
  const transfer = range && { pq: 'smpte2084', hlg: 'arib-std-b67' }[range]
  return [
    ...['-colorspace', range ? 'bt2020nc' : 'bt709'],
    ...['-color_primaries', range ? 'bt2020' : 'bt709'],
    ...['-color_trc', transfer ?? 'bt709'],
    ...['-color_range', 'tv'],
  ]
}

function codecFlags(request: VideoChunkRequest, rendition: Rendition): string[] {
  if (rendition.codec === 'hevc') return hevcFlags(request, rendition)
  return rendition.codec === 'av1' ? av1Flags(request) : x264Flags(request.profile, rendition)
}

function x264Flags(profile: Profile, rendition: Rendition): string[] {
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
  ]
}
