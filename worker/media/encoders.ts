import { WorkerError } from '../../shared/errors.ts'
import type { ToolHost } from './host.ts'
import type { Rendition } from './ladder.ts'
import type { Profile } from './profile.ts'

/** ffmpeg's encoders for what only some profiles ask for; those of H.264 and AAC are a condition of the start. */
const encoderNames = { hevc: 'libx265' } as const

/** The encoders that a profile's jobs may need and this ffmpeg lacks, with what wants them. */
export function lackingEncoders(profile: Profile, { encoders = [] }: ToolHost): string[] {
  return Object.entries(encoderNames).flatMap(([codec, encoder]) =>
    profile[codec as keyof typeof encoderNames] && !encoders.includes(encoder)
      ? [`${codec} (${encoder})`]
      : [],
  )
}

/**
 * Before any work: another worker, with another ffmpeg, may have planned the job. Throws encoder_missing, which gives
 * the job to whoever can do all of it.
 */
export function requireEncoders(ladder: readonly Rendition[], { encoders = [] }: ToolHost): void {
  for (const { name, codec } of ladder) {
    const encoder = codec && encoderNames[codec]
    if (encoder && !encoders.includes(encoder))
      throw new WorkerError('encoder_missing', `${name} needs ${encoder}, which this worker’s ffmpeg lacks`)
  }
}
