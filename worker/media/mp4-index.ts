import { type Box, boxes, find } from './boxes.ts'

/** What the index of an MP4 or MOV file (its moov box) says of the pictures of one track, in decoding order. */
export interface SampleIndex {
  /** 'avc1' and the like. */
  readonly format: string
  /** The codec's own configuration (avcC, 14496-15 5.3.3.1); undefined when the track has none or several. */
  readonly configuration: Buffer | undefined
  /** Ticks per second. */
  readonly timescale: number
  /** Bytes of each picture. */
  readonly sizes: Uint32Array
  /** When each picture is shown, in ticks from the first one that is decoded. */
  readonly shown: Float64Array
  /** When each picture is decoded, on the same clock: never after it is shown. */
  readonly decoded: Float64Array
  /** Positions of the pictures that the file calls key frames; all of them when it names none. */
  readonly keys: readonly number[]
}

/**
 * Reads the sample tables of the track at `position` (ffmpeg's stream index: tracks in file order). Returns undefined
 * when it is no picture track, has no tables (a fragmented file), tables that disagree, or more than `mostPictures`: a
 * few bytes may claim any number, and each takes 28 in memory. moov: the whole box.
 */
export function readSampleIndex(
  moov: Buffer,
  position: number,
  mostPictures: number,
): SampleIndex | undefined {
  try {
    const top = find(moov, ['moov'])
    const track = boxes(moov, top.body, top.end).filter(({ type }) => type === 'trak')[position]
    return track && readTrack(moov, track, mostPictures)
  } catch {
    // A box that lies about its size; reading past the end throws, too.
    return undefined
  }
}

function readTrack(data: Buffer, track: Box, mostPictures: number): SampleIndex | undefined {
  const media = find(data, ['mdia'], track)
  const handler = find(data, ['hdlr'], media)
  if (data.toString('latin1', handler.body + 8, handler.body + 12) !== 'vide') return undefined
  const header = find(data, ['mdhd'], media)
  const timescale = data.readUInt32BE(header.body + (data[header.body] === 1 ? 20 : 12))
  const table = find(data, ['minf', 'stbl'], media)
  const children = boxes(data, table.body, table.end)
  const child = (type: string) => children.find((box) => box.type === type)
  const [description, times, lengths] = [child('stsd'), child('stts'), child('stsz')]
  if (!description || !times || !lengths) return undefined

  const sizes = readSizes(data, lengths, mostPictures)
  if (!sizes || sizes.length === 0) return undefined
  const decoded = spread(data, times, sizes.length, false)
  const offsets = child('ctts')
  const lags = offsets ? spread(data, offsets, sizes.length, true) : new Float64Array(sizes.length)
  if (!decoded || !lags) return undefined
  // stts gives lengths: their running sum is the time of decoding.
  let time = 0
  for (let at = 0; at < decoded.length; at++) {
    const length = decoded[at]!
    decoded[at] = time
    time += length
  }
  const shown = decoded.map((ticks, at) => ticks + lags[at]!)
  const keys = readKeys(data, child('stss'), sizes.length)
  if (!keys) return undefined
  // Negative lags mean that the file counts decoding from the first display: ffmpeg shifts it the same way.
  const shift = lags.reduce((low, lag) => Math.min(low, lag), 0)
  const zero = shown[0]!
  return {
    ...sampleEntry(data, description),
    timescale,
    sizes,
    shown: shown.map((ticks) => ticks - zero),
    decoded: decoded.map((ticks) => ticks + shift - zero),
    keys,
  }
}

function sampleEntry(data: Buffer, description: Box): Pick<SampleIndex, 'format' | 'configuration'> {
  const entries = boxes(data, description.body + 8, description.end)
  const [entry] = entries
  if (!entry || entries.length > 1) return { format: entry?.type ?? '', configuration: undefined }
  // Behind the fields of every visual sample entry (14496-12 section 12.1.3).
  const configuration = boxes(data, entry.body + 78, entry.end).find(({ type }) => type === 'avcC')
  return {
    format: entry.type,
    configuration: configuration && data.subarray(configuration.body, configuration.end),
  }
}

function readSizes(data: Buffer, box: Box, most: number): Uint32Array | undefined {
  const same = data.readUInt32BE(box.body + 4)
  const count = data.readUInt32BE(box.body + 8)
  if (count > most || (same === 0 && box.body + 12 + 4 * count > box.end)) return undefined
  return Uint32Array.from({ length: count }, (_, at) => same || data.readUInt32BE(box.body + 12 + 4 * at))
}

/** A run-length table (stts, ctts) as one value a sample; undefined when it has not exactly `count`. */
function spread(data: Buffer, box: Box, count: number, signed: boolean): Float64Array | undefined {
  const values = new Float64Array(count)
  const runs = data.readUInt32BE(box.body + 4)
  let at = 0
  for (let run = 0; run < runs; run++) {
    const entry = box.body + 8 + 8 * run
    const length = data.readUInt32BE(entry)
    if (at + length > count) return undefined
    const value = signed ? data.readInt32BE(entry + 4) : data.readUInt32BE(entry + 4)
    values.fill(value, at, at + length)
    at += length
  }
  return at === count ? values : undefined
}

/** stss counts from 1; without it every sample is a key frame. Undefined when it lists more than there are. */
function readKeys(data: Buffer, box: Box | undefined, count: number): number[] | undefined {
  if (!box) return Array.from({ length: count }, (_, at) => at)
  const listed = data.readUInt32BE(box.body + 4)
  if (listed > count) return undefined
  return Array.from({ length: listed }, (_, at) => data.readUInt32BE(box.body + 8 + 4 * at) - 1)
}
