import { boxes, find, within } from './boxes.ts'

/** What the files of the segment muxer start with, and what HLS wants in a file of its own. */
export interface SplitSegment {
  /** ftyp and moov: the init segment, the same in every file of a track. */
  readonly init: Buffer
  /** styp, and the fragments. */
  readonly media: Buffer
}

/** A media segment says what it is (ISO 14496-12 section 8.16.2): brand msdh. */
const segmentType = Buffer.from('\0\0\0\x14stypmsdh\0\0\0\0msdh', 'latin1')

/**
 * Takes a self-contained fragmented MP4 apart. Its fragments are numbered from `sequence` on, since every file of the
 * segment muxer begins at 1 and players want numbers that grow. Undefined when it has no fragment. Throws
 * output_invalid.
 */
export function splitSegment(file: Buffer, sequence: number): SplitSegment | undefined {
  return within(() => split(file, sequence))
}

function split(file: Buffer, sequence: number): SplitSegment | undefined {
  const top = boxes(file, 0, file.length)
  const first = top.find(({ type }) => type === 'moof')
  if (!first) return undefined
  const fragments = top.filter(({ type }) => type === 'moof' || type === 'mdat')
  const media = Buffer.concat([segmentType, ...fragments.map(({ start, end }) => file.subarray(start, end))])
  let number = sequence
  for (const moof of boxes(media, 0, media.length).filter(({ type }) => type === 'moof')) {
    media.writeUInt32BE(number, find(media, ['mfhd'], moof).body + 4)
    number += 1
  }
  // A copy: the file itself need not stay in memory for it.
  return { init: Buffer.from(file.subarray(0, first.start)), media }
}
