import { WorkerError } from '../../shared/errors.ts'

/** ITU-T H.264 table 7-1. */
const [sliceOfIdr, parameterSet] = [5, 7]
const lastSlice = 5

/** What avcC (ISO 14496-15 5.3.3.1) says of the pictures of its track. */
export interface AvcConfiguration {
  /** Bytes in front of every NAL unit that say how long it is. */
  readonly lengthBytes: number
  readonly sequenceSets: readonly Buffer[]
  readonly pictureSets: readonly Buffer[]
}

export function parseConfiguration(avcC: Buffer): AvcConfiguration {
  let at = 6
  const take = (count: number) =>
    Array.from({ length: count }, () => {
      const length = avcC.readUInt16BE(at)
      at += 2 + length
      return avcC.subarray(at - length, at)
    })
  const sequenceSets = take(avcC[5]! & 0x1f)
  at += 1
  return { lengthBytes: (avcC[4]! & 3) + 1, sequenceSets, pictureSets: take(avcC[at - 1] ?? 0) }
}

/**
 * Judges a picture that a file calls a key frame: it must be an IDR picture, since others may lean on what came
 * before, and may not bring parameter sets of its own, which players read from the init segment alone.
 * Throws copy_refused.
 */
export function checkKeyPicture(picture: Buffer, { lengthBytes, sequenceSets }: AvcConfiguration): void {
  for (let at = 0; at + lengthBytes < picture.length; ) {
    const start = at + lengthBytes
    const end = start + picture.readUIntBE(at, lengthBytes)
    if (end > picture.length || end === start) throw refused('a key frame is damaged')
    const type = picture[start]! & 0x1f
    if (type === parameterSet && !sequenceSets.some((set) => set.equals(picture.subarray(start, end))))
      throw refused('a key frame brings a parameter set of its own')
    if (type === sliceOfIdr) return
    if (type > 0 && type < lastSlice) throw refused('a key frame is no IDR picture')
    at = end
  }
  throw refused('a key frame holds no picture')
}

export function refused(message: string): WorkerError {
  return new WorkerError('copy_refused', message)
}
