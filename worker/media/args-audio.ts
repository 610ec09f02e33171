import { segmentFlags } from './args-hls.ts'
import { cleanOutputFlags, commonFlags, inputFlags, type ToolSource, witnessFlags } from './args-source.ts'
import { audioFilters } from './filters-audio.ts'
import { type Gain, measuringFilters } from './loudness.ts'
import type { Profile } from './profile.ts'
import { type Sound, soundKbps } from './sounds.ts'
import { type Grid, segmentCount } from './timeline.ts'

export interface AudioRequest extends ToolSource {
  readonly sound: Sound
  readonly grid: Grid
  readonly profile: Profile
  /** Length of the video in seconds: sound is padded with silence or cut to it. */
  readonly seconds: number
  /** What measuring found; without it the sound is as loud as it is. */
  readonly gain?: Gain | undefined
  /** Existing folder; gets `init.mp4` and `seg-00000.m4s`. */
  readonly outDir: string
}

/** One audio rendition for the whole video, AAC-LC in stereo or 5.1, exactly as long as the video. */
export function audioArgs(request: AudioRequest): string[] {
  const { sound, grid, profile, outDir, threads } = request
  return [
    ...commonFlags({ progress: true }),
    ...inputFlags(request),
    '-filter_complex',
    `[0:${sound.track.index}]${audioFilters(request).join(',')}[out]`,
    '-map',
    '[out]',
    ...cleanOutputFlags,
    ...aacFlags(soundKbps(sound, profile), threads),
    ...segmentFlags({ dir: outDir, grid, firstSegment: 0, segments: segmentCount(grid) }),
    ...witnessFlags(request.facts, sound.track.index),
  ]
}

/**
 * The first of two passes to an even loudness: the track as it will be encoded, measured. loudnorm's report would be
 * simpler to read, but it needs `-v info`, where the source's titles stand between its words.
 */
export function loudnessArgs(request: AudioRequest, file: string): string[] {
  const { sound, facts, seconds } = request
  const filters = [...audioFilters(request), ...measuringFilters(seconds, file)]
  return [
    ...commonFlags({ progress: true }),
    ...inputFlags(request),
    ...['-filter_complex', `[0:${sound.track.index}]${filters.join(',')}[out]`],
    ...['-map', '[out]', ...cleanOutputFlags, '-f', 'null', '-'],
    ...witnessFlags(facts, sound.track.index),
  ]
}

export function aacFlags(kbps: number, threads: number): string[] {
  return ['-c:a', 'aac', '-profile:a', 'aac_low', '-b:a', `${kbps}k`, '-threads', String(threads)]
}
