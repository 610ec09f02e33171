import type { AudioRequest } from './args-audio.ts'
import { originSeconds } from './args-source.ts'

export const sampleRate = 48_000
/** ffmpeg's AAC encoder delays sound by one frame of 1024 samples and says so with a negative first time stamp. */
const primingSamples = 1024

/** One track on the video's time line: stereo at 48 kHz, from its first picture (or a later sample) to its end. */
export function audioFilters({
  facts,
  track,
  seconds,
  fromSample = 0,
}: Pick<AudioRequest, 'facts' | 'track' | 'seconds'> & { fromSample?: number }): string[] {
  return [
    // The same zero as the video's: its first picture.
    `asetpts=round(PTS-${originSeconds(facts)}/TB)`,
    // On its own, since first_pts below counts in samples of what comes in (8 kHz phones: a sixth of what is meant).
    // 5.1: the deep channel is heard, too.
    `aresample=${sampleRate}${track.channels > 2 ? ':lfe_mix_level=0.5' : ''}`,
    // One channel goes to both ears as it is; ffmpeg's own way takes 3 dB off.
    ...(track.channels === 1 ? ['pan=stereo|c0=c0|c1=c0'] : []),
    'aformat=sample_fmts=fltp:channel_layouts=stereo',
    [
      // Follow the time stamps: holes become silence, overlaps are cut, as soon as they pass 30 ms (sync < 40 ms).
      'aresample=async=1',
      'min_hard_comp=0.03',
      // Silence up to the first sound, or a cut at the first picture. One frame late on purpose: the encoder's
      // delay then falls before it, the first packet is at 0 and every sound is decoded at its own time.
      `first_pts=${fromSample + primingSamples}`,
    ].join(':'),
    // Six channels in two may pass full scale: limited, not clipped, and not turned down as a whole.
    ...(track.channels > 2 ? ['alimiter=limit=0.97:level=0'] : []),
    'apad',
    `atrim=end=${seconds.toFixed(6)}`,
  ]
}
