import { cleanOutputFlags, commonFlags, inputFlags, originSeconds, type ToolSource } from './args-source.ts'
import type { FilmFacts } from './facts.ts'
import { fieldFilters, pictureFilters } from './filters.ts'
import { lookBytes, lookHeight, lookWidth, measureLook, scoreOf } from './poster-look.ts'
import { formatRational, type Rational, reduce } from './timeline.ts'

/** Of a video up to this long all pictures are decoded, of a longer one its key frames: about a minute of CPU at most. */
const wholeSeconds = 120
/** So many pictures are looked at: one in half a minute of a lecture of two and a half hours. */
const mostLooks = 300

/** How often a look is taken, a second; every picture of a video that has few. */
export function searchRate({ seconds, video }: Pick<FilmFacts, 'seconds' | 'video'>): Rational {
  const pictures = (seconds * video.rate.num) / video.rate.den
  if (pictures <= mostLooks) return video.rate
  return reduce({ num: mostLooks * 1000, den: Math.ceil(seconds * 1000) })
}

/** Pictures from all over the video, small and grey on stdout, one after the other. */
export function searchArgs(request: ToolSource & { facts: FilmFacts }): string[] {
  const { facts } = request
  const { video } = facts
  const graph = [
    `[0:${video.index}]setpts=PTS-${originSeconds(facts)}/TB`,
    `fps=${formatRational(searchRate(facts))}:start_time=0`,
    `trim=end_frame=${mostLooks}`,
    ...fieldFilters(video),
    ...pictureFilters(video, lookWidth, lookHeight),
    'format=gray[look]',
  ].join(',')
  return [
    ...commonFlags({ progress: false }),
    ...(facts.seconds > wholeSeconds ? ['-skip_frame', 'nokey'] : []),
    ...inputFlags(request),
    ...['-filter_complex', graph, '-map', '[look]', ...cleanOutputFlags],
    ...['-fps_mode', 'passthrough', '-f', 'rawvideo', 'pipe:1'],
  ]
}

/** Where the picture is that shows most, in seconds; undefined without any. */
export function liveliestAt(output: Buffer, rate: Rational): number | undefined {
  let best: { at: number; score: number } | undefined
  for (let look = 0; (look + 1) * lookBytes <= output.length; look++) {
    const score = scoreOf(measureLook(output.subarray(look * lookBytes, (look + 1) * lookBytes)))
    if (!best || score > best.score) best = { at: (look * rate.den) / rate.num, score }
  }
  return best?.at
}
