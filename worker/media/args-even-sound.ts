import {
  cleanOutputFlags,
  commonFlags,
  inputFlags,
  originSeconds,
  type ToolSource,
  witnessFlags,
} from './args-source.ts'
import type { Origin, SourceFacts } from './facts.ts'
import { sampleRate } from './filters-audio.ts'
import type { Sound } from './sounds.ts'

/** Where the sound of a run comes from: the source, or what was made of its track. */
export interface HeardFrom {
  readonly url: string
  readonly facts: SourceFacts
  readonly sound: Sound
  readonly local?: true
}

/**
 * A track whose rate or channels change on the way (a broadcast goes from stereo to 5.1) as one that does not: the
 * filters of an encode cannot begin anew without losing their place, those here have none to lose. Holes stay holes.
 */
export function evenSoundArgs(source: ToolSource, { track, channels }: Sound, path: string): string[] {
  const { facts } = source
  const filters = [
    `asetpts=round(PTS-${originSeconds(facts)}/TB)`,
    // Matroska would move all of it to keep what lies before zero.
    'atrim=start=0',
    `aresample=${sampleRate}:lfe_mix_level=0.5`,
    `aformat=sample_fmts=s16:channel_layouts=${channels === 6 ? '5.1' : 'stereo'}`,
    // Of AAC ffmpeg guesses the times between two PES by the first rate, up to 107 ms off at 32 kHz; with 30 ms (as in
    // filters-audio.ts) it would be cut and filled. Other codecs' frames say how long they are.
    ...(track.codec === 'aac' ? ['aresample=async=1:min_hard_comp=0.12'] : []),
    // Many channels in few may pass full scale (filters-audio.ts).
    ...(channels === 2 ? ['alimiter=limit=0.97:level=0', 'aformat=sample_fmts=s16'] : []),
  ]
  return [
    ...commonFlags({ progress: true }),
    ...inputFlags({ ...source, anew: true }),
    ...['-filter_complex', `[0:${track.index}]${filters.join(',')}[out]`, '-map', '[out]'],
    ...cleanOutputFlags,
    // Short frames: at a change the started one is lost.
    ...['-c:a', 'flac', '-compression_level', '0', '-frame_size', '1152', '-f', 'matroska', path],
    ...witnessFlags(facts, track.index),
  ]
}

/** As large as sound of `seconds` can get, in bytes: nothing is saved on noise. */
export function evenSoundBytes({ channels }: Sound, seconds: number): number {
  return Math.ceil(64 * 2 ** 20 + 1.1 * (seconds + 600) * sampleRate * 2 * channels)
}

const zero: Origin = { ticks: 0, timeBase: { num: 1, den: 1000 }, seconds: 0 }

/** The file that evenSoundArgs made, as a source. */
export function evened(facts: SourceFacts, sound: Sound, path: string): HeardFrom {
  const { channels } = sound
  const read = { demuxer: 'matroska', seek: { mode: 'none', marginSeconds: 0 }, jumps: undefined } as const
  return {
    ...{ url: path, local: true },
    facts: facts.video
      ? { ...facts, ...read, video: { ...facts.video, origin: zero } }
      : { ...facts, ...read, origin: zero },
    sound: { ...sound, track: { ...sound.track, index: 0, channels, sampleRate } },
  }
}
