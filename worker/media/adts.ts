import { WorkerError } from '../../shared/errors.ts'

/** Samples of sound in a frame of AAC-LC. */
export const frameSamples = 1024
/** Of the header that each frame has in front (ISO 13818-7 section 6.2). */
export const adtsHeaderBytes = 7

/** Bytes of the frame whose header begins at `at`, header included. Throws output_invalid. */
export function frameLength(data: Buffer, at: number): number {
  if (data[at] !== 0xff || (data[at + 1]! & 0xf6) !== 0xf0)
    throw new WorkerError('output_invalid', `there is no frame of sound at byte ${at}`)
  return (data.readUIntBE(at + 3, 3) >> 5) & 0x1fff
}

/** RFC 6381: `mp4a.40.2` for AAC-LC. */
export function codecOf(frame: Buffer): string {
  return `mp4a.40.${(frame[2]! >> 6) + 1}`
}
