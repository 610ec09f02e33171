import { WorkerError } from '../../shared/errors.ts'
import type { ToolHost } from './host.ts'
import type { Rendition } from './ladder.ts'
import type { Profile } from './profile.ts'

/** ffmpeg's encoders for what only some profiles ask for; those of H.264 and AAC are a condition of the start. */
const encoderNames = { hevc: 'libx265', av1: 'libsvtav1' } as const
/** libx265 is built for 8 bits, for more, or for both. */
export const tenBitEncoder = 'libx265 in 10 bits'

/** What of a rendition or a profile decides on encoders. */
interface Wanted {
  readonly codec: keyof typeof encoderNames
  readonly tenBit: boolean
}

/** The encoders that a profile's jobs may need and this ffmpeg lacks. */
export function lackingEncoders({ hevc, av1 }: Profile, host: ToolHost): string[] {
  return [
    ...(hevc ? lackingOf({ codec: 'hevc', tenBit: hevc.hdr === 'keep' }, host) : []),
    ...(av1 ? lackingOf({ codec: 'av1', tenBit: false }, host) : []),
  ]
}

/**
 * Before any work: another worker, with another ffmpeg, may have planned the job. Throws encoder_missing, which gives
 * the job to whoever can do all of it.
 */
export function requireEncoders(ladder: readonly Rendition[], host: ToolHost): void {
  for (const { name, codec, range } of ladder) {
    const [lacking] = codec ? lackingOf({ codec, tenBit: range !== undefined }, host) : []
    if (lacking)
      throw new WorkerError('encoder_missing', `${name} needs ${lacking}, which this worker’s ffmpeg lacks`)
  }
}

function lackingOf({ codec, tenBit }: Wanted, { encoders = [] }: ToolHost): string[] {
  const needed = [encoderNames[codec], ...(tenBit ? [tenBitEncoder] : [])]
  return needed.filter((encoder) => !encoders.includes(encoder))
}
