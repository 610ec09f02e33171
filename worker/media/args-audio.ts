import { segmentFlags } from './args-hls.ts'
import { cleanOutputFlags, commonFlags, inputFlags, type ToolSource, witnessFlags } from './args-source.ts'
import type { AudioFacts } from './facts.ts'
import { audioFilters } from './filters-audio.ts'
import type { Profile } from './profile.ts'
import { type Grid, segmentCount } from './timeline.ts'

export interface AudioRequest extends ToolSource {
  readonly track: AudioFacts
  readonly grid: Grid
  readonly profile: Profile
  /** Length of the video in seconds: sound is padded with silence or cut to it. */
  readonly seconds: number
  /** Existing folder; gets `init.mp4` and `seg-00000.m4s`. */
  readonly outDir: string
}

/** One audio rendition for the whole video, AAC-LC stereo, exactly as long as the video. */
export function audioArgs(request: AudioRequest): string[] {
  const { track, grid, profile, outDir, threads } = request
  return [
    ...commonFlags({ progress: true }),
    ...inputFlags(request),
    '-filter_complex',
    `[0:${track.index}]${audioFilters(request).join(',')}[out]`,
    '-map',
    '[out]',
    ...cleanOutputFlags,
    ...aacFlags(profile, threads),
    ...segmentFlags({ dir: outDir, grid, firstSegment: 0, segments: segmentCount(grid) }),
    ...witnessFlags(request.facts, track.index),
  ]
}

export function aacFlags({ audioKbps }: Profile, threads: number): string[] {
  return ['-c:a', 'aac', '-profile:a', 'aac_low', '-b:a', `${audioKbps}k`, '-threads', String(threads)]
}
