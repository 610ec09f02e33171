import { join } from 'node:path'
import { cleanOutputFlags, commonFlags, inputFlags, type ToolSource, witnessFlags } from './args-source.ts'
import { originOf, type SourceFacts, type SubtitleFacts } from './facts.ts'

/** Subtitles that are text, by ffmpeg's names, with how they leave it: as they are where our parser reads them. */
const ways: Readonly<Record<string, { codec: string; format: 'srt' | 'vtt' }>> = {
  subrip: { codec: 'copy', format: 'srt' },
  webvtt: { codec: 'copy', format: 'vtt' },
  ...{ mov_text: converted(), ass: converted(), ssa: converted(), text: converted() },
}

function converted() {
  return { codec: 'srt', format: 'srt' } as const
}

/** Pictures: to be read they would have to be looked at. */
const pictures = new Set(['dvd_subtitle', 'hdmv_pgs_subtitle', 'dvb_subtitle', 'xsub'])

/** More languages than any film has. */
const mostTracks = 32

/** Why a track cannot become text; undefined when it can. position: among all the file's tracks of subtitles. */
export function textObjection({ codec }: SubtitleFacts, position: number): string | undefined {
  if (pictures.has(codec)) return `its subtitles are pictures (${codec})`
  if (!Object.hasOwn(ways, codec)) return `subtitles coded as ${codec} are not read`
  return position < mostTracks ? undefined : `there are more than ${mostTracks} tracks of subtitles`
}

export interface TextRequest extends ToolSource {
  readonly tracks: readonly SubtitleFacts[]
  /** Existing folder; gets a file a track. */
  readonly outDir: string
}

/** Where a track's text is written, and in what form. */
export function textFile(outDir: string, track: SubtitleFacts): { path: string; format: 'srt' | 'vtt' } {
  const { format } = ways[track.codec]!
  return { path: join(outDir, `track-${track.index}.${format}`), format }
}

/** Added to all times by the run, in whole seconds: the formats have no signs, and text may begin before the pictures. */
const leadSeconds = 3600

/** Seconds to add to what is read from the files, so that the first picture is at 0. */
export function textShift(facts: SourceFacts): number {
  return (facts.jumps?.startSeconds ?? 0) - originOf(facts).seconds - leadSeconds
}

/** All tracks of text in one run; MP4 is read only where there is text, other containers from end to end. */
export function textArgs(request: TextRequest): string[] {
  const { tracks, outDir, facts } = request
  return [
    ...commonFlags({ progress: false }),
    ...inputFlags(request),
    ...tracks.flatMap((track) => [
      ...['-map', `0:${track.index}`, '-c:s', ways[track.codec]!.codec],
      // All but -sn, which would drop what this is about.
      ...cleanOutputFlags.filter((flag) => flag !== '-sn'),
      // Else a line before the first picture would move all others.
      ...['-avoid_negative_ts', 'disabled', '-output_ts_offset', String(leadSeconds)],
      ...['-f', textFile(outDir, track).format === 'vtt' ? 'webvtt' : 'srt'],
      textFile(outDir, track).path,
    ]),
    ...witnessFlags(facts, -1),
  ]
}
