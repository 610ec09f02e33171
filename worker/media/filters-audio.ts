import type { AudioRequest } from './args-audio.ts'
import { originSeconds } from './args-source.ts'
import type { SourceFacts } from './facts.ts'
import { loudnessFilters } from './loudness.ts'

export const sampleRate = 48_000
/** ffmpeg's AAC encoder delays sound by one frame of 1024 samples and says so with a negative first time stamp. */
const primingSamples = 1024

/** One track on the video's time line: stereo or 5.1 at 48 kHz, from its first picture (or a later sample) to its end. */
export function audioFilters({
  facts,
  sound: { track, channels },
  seconds,
  fromSample = 0,
  gain,
}: Pick<AudioRequest, 'facts' | 'sound' | 'seconds' | 'gain'> & { fromSample?: number }): string[] {
  const folded = track.channels > channels
  return [
    // The same zero as the video's: its first picture. Without pictures all of it comes later by what is cut below.
    `asetpts=round(PTS-${originSeconds(facts)}/TB${facts.video ? '' : `+${primingSamples}/${sampleRate}/TB`})`,
    // On its own, since first_pts below counts in samples of what comes in (8 kHz phones: a sixth of what is meant).
    // 5.1: the deep channel is heard, too.
    `aresample=${sampleRate}${folded ? ':lfe_mix_level=0.5' : ''}`,
    // One channel goes to both ears as it is; ffmpeg's own way takes 3 dB off.
    ...(track.channels === 1 ? ['pan=stereo|c0=c0|c1=c0'] : []),
    `aformat=sample_fmts=fltp:channel_layouts=${channels === 6 ? '5.1' : 'stereo'}`,
    [
      // Follow the time stamps: holes become silence, overlaps are cut, as soon as they pass 30 ms (sync < 40 ms).
      'aresample=async=1',
      'min_hard_comp=0.03',
      // Silence up to the first sound, or a cut at the first picture. One frame late on purpose: the encoder's
      // delay then falls before it, the first packet is at 0 and every sound is decoded at its own time.
      `first_pts=${fromSample + primingSamples}`,
    ].join(':'),
    // Many channels in few may pass full scale: limited, not clipped, and not turned down as a whole.
    ...(folded ? ['alimiter=limit=0.97:level=0'] : []),
    ...(gain ? loudnessFilters(gain) : []),
    ...endFilters(facts, seconds),
  ]
}

/**
 * Sound ends with the pictures. Alone it ends where it ends, whatever its header says, but a forged one not never;
 * several tracks are made equally long.
 */
function endFilters({ video, audio }: SourceFacts, seconds: number): string[] {
  if (!video && audio.length === 1) return [`atrim=end=${(2 * seconds + 600).toFixed(6)}`]
  const end = video ? seconds : seconds + primingSamples / sampleRate
  return ['apad', `atrim=end=${end.toFixed(6)}`]
}
