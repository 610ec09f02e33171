import { cleanOutputFlags, commonFlags, inputFlags, type ToolSource } from './args-source.ts'
import type { FilmFacts } from './facts.ts'
import { clockFilters, gridFilters, pictureFilters } from './filters.ts'
import { framesToSeconds, type Rational, reduce } from './timeline.ts'

export interface PreviewRequest extends ToolSource {
  /** Length of the clip, at most that of the video. */
  readonly seconds: number
  /** Pictures a second of the output. */
  readonly rate: Rational
  readonly path: string
}

/** Enough to tell what a video is about in a list of many. */
const cuts = 4
/** A cut shorter than this flickers. */
const shortestCut = 0.5
const longSide = 640

/** Where the pieces begin and how long each is, in seconds. */
export interface PreviewCuts {
  readonly starts: readonly number[]
  readonly seconds: number
}

/**
 * Four pieces spread over the video, its first and last tenth left out; one piece from the start where the video is not
 * much longer than the clip, where the pieces would be too short, or where it cannot be sought.
 */
export function previewCuts({ facts, seconds }: Pick<PreviewRequest, 'facts' | 'seconds'>): PreviewCuts {
  const each = seconds / cuts
  if (facts.seek.mode === 'none' || facts.seconds < 3 * seconds || each < shortestCut)
    return { starts: [0], seconds: Math.min(seconds, facts.seconds) }
  const step = (facts.seconds * 0.8 - each) / (cuts - 1)
  return { starts: Array.from({ length: cuts }, (_, cut) => facts.seconds * 0.1 + cut * step), seconds: each }
}

/** A silent MP4 of at most 640 pixels on its long side and 30 pictures a second, that plays while it loads. */
export function previewArgs(request: PreviewRequest & { facts: FilmFacts }): string[] {
  const { facts, path, threads } = request
  const { video } = facts
  const rate = slow(request.rate)
  const { starts, seconds } = previewCuts(request)
  const frames = Math.max(1, Math.round((seconds * rate.num) / rate.den))
  const scale = Math.min(1, longSide / Math.max(video.displayWidth, video.displayHeight))
  const size = [even(video.displayWidth * scale), even(video.displayHeight * scale)] as const
  const chains = starts.map((start, cut) => {
    const first = Math.round((start * rate.num) / rate.den)
    const filters = [
      ...clockFilters(facts),
      ...gridFilters(rate, first, frames),
      ...pictureFilters(video, ...size),
      'setpts=PTS-STARTPTS',
    ]
    return `[${cut}:${video.index}]${filters.join(',')}[cut${cut}]`
  })
  const inputs = starts.map((_, cut) => `[cut${cut}]`).join('')
  return [
    ...commonFlags({ progress: false }),
    ...starts.flatMap((start) => inputFlags(request, start === 0 ? undefined : start)),
    '-filter_complex',
    [...chains, `${inputs}concat=n=${starts.length}:v=1:a=0[out]`].join(';'),
    '-map',
    '[out]',
    ...cleanOutputFlags,
    ...['-c:v', 'libx264', '-preset', 'veryfast', '-crf', '27', '-profile:v', 'high', '-pix_fmt', 'yuv420p'],
    ...['-colorspace', 'bt709', '-color_primaries', 'bt709', '-color_trc', 'bt709', '-color_range', 'tv'],
    ...['-t', framesToSeconds(frames * starts.length, rate).toFixed(6), '-threads', String(threads)],
    ...['-movflags', '+faststart', '-f', 'mp4', path],
  ]
}

/** Half the pictures of a fast video. */
function slow(rate: Rational): Rational {
  return rate.num / rate.den > 31 ? reduce({ num: rate.num, den: rate.den * 2 }) : rate
}

function even(value: number): number {
  return Math.max(2, Math.floor(value / 2) * 2)
}
