import { frameSamples } from './adts.ts'
import { type AudioRequest, aacFlags } from './args-audio.ts'
import { cleanOutputFlags, commonFlags, inputFlags, witnessFlags } from './args-source.ts'
import { audioFilters, sampleRate } from './filters-audio.ts'
import { soundKbps } from './sounds.ts'

export interface ChunkSoundRequest extends Omit<AudioRequest, 'grid' | 'outDir'> {
  /** Frames of AAC, numbered over the whole video, that the chunk needs; the last chunk's end with `seconds`. */
  readonly firstSound: number
  readonly endSound: number | undefined
  /** Gets the frames as ADTS, `lead` more in front than asked for, and a few behind. */
  readonly path: string
}

/**
 * Half a second: an encoder that begins so much earlier has come to the same block lengths at the seam as the one of
 * the chunk before. Of a tone the steepest step is then 0.00049 (encoded in one go: 0.00048; without a lead: 0.037).
 */
const leadFrames = 24
/** What the encoder must see behind a frame to code it as it would in the midst of the video. */
const behindFrames = 4
/** Sources whose sound lies some way behind their pictures in the file. */
const interleavedSeconds = 1.5

/** How many frames stand in front of those that were asked for. */
export function leadOf(firstSound: number): number {
  return Math.min(leadFrames, firstSound)
}

/**
 * The sound of one chunk, for segments that hold both. Frames of AAC lean on the one before; encoded with a lead on the
 * grid of the whole video, the frames of two chunks fit together as if one encoder had made them.
 */
export function chunkSoundArgs(request: ChunkSoundRequest): string[] {
  const { sound, profile, threads, firstSound, endSound, path } = request
  const begin = firstSound - leadOf(firstSound)
  const seconds = endSound === undefined ? request.seconds : inSeconds(endSound + behindFrames)
  const from = Math.max(0, inSeconds(begin) - interleavedSeconds)
  return [
    ...commonFlags({ progress: true }),
    ...inputFlags(request, firstSound === 0 ? undefined : from),
    '-filter_complex',
    `[0:${sound.track.index}]${audioFilters({ ...request, seconds, fromSample: begin * frameSamples }).join(',')}[out]`,
    '-map',
    '[out]',
    ...cleanOutputFlags,
    ...aacFlags(soundKbps(sound, profile), threads),
    ...['-f', 'adts', path],
    ...witnessFlags(request.facts, sound.track.index),
  ]
}

function inSeconds(frames: number): number {
  return (frames * frameSamples) / sampleRate
}
