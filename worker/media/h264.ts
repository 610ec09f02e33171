import { WorkerError } from '../../shared/errors.ts'

/** ITU-T H.264 table 7-1. */
const [sliceOfIdr, sequenceSet, pictureSet] = [5, 7, 8]
const lastSlice = 5

/** What avcC (ISO 14496-15 5.3.3.1) says of the pictures of its track. */
export interface AvcConfiguration {
  /** Bytes in front of every NAL unit that say how long it is. */
  readonly lengthBytes: number
  /** Sequence and picture parameter sets. */
  readonly sets: readonly Buffer[]
}

export function parseConfiguration(avcC: Buffer): AvcConfiguration {
  if (avcC.length < 7) throw refused('it has no parameter sets')
  const sets: Buffer[] = []
  let at = 5
  for (const mask of [0x1f, 0xff]) {
    const count = (avcC[at] ?? 0) & mask
    at += 1
    for (let set = 0; set < count; set++) {
      const end = at + 2 + (at + 2 > avcC.length ? 0 : avcC.readUInt16BE(at))
      if (end > avcC.length) throw refused('its parameter sets are damaged')
      sets.push(avcC.subarray(at + 2, end))
      at = end
    }
  }
  return { lengthBytes: (avcC[4]! & 3) + 1, sets }
}

/**
 * Judges a picture: its units must fill it, since players give up where ffmpeg skips, and it may not bring parameter
 * sets of its own, which players read from the init segment alone. One that the file calls a key frame must be an IDR
 * picture: others may lean on what came before. Throws copy_refused.
 */
export function checkPicture(picture: Buffer, key: boolean, { lengthBytes, sets }: AvcConfiguration): void {
  let slices = 0
  for (let at = 0; at < picture.length; ) {
    const start = at + lengthBytes
    const end = start > picture.length ? start : start + picture.readUIntBE(at, lengthBytes)
    if (end > picture.length || end === start) throw refused('a picture is damaged')
    const type = picture[start]! & 0x1f
    if (type === sequenceSet || type === pictureSet) {
      if (!sets.some((set) => set.equals(picture.subarray(start, end))))
        throw refused('a picture brings a parameter set of its own')
    } else if (type > 0 && type <= lastSlice) {
      if (key && type !== sliceOfIdr) throw refused('a key frame is no IDR picture')
      slices += 1
    }
    at = end
  }
  if (slices === 0) throw refused('a picture is empty')
}

export function refused(message: string): WorkerError {
  return new WorkerError('copy_refused', message)
}
