import { WorkerError } from '../../shared/errors.ts'
import { type Box, boxes, find, within } from './boxes.ts'
import { av1Codec, avcCodec, hevcCodec } from './codec-strings.ts'

/** What an init segment says about its one track. */
export interface InitFacts {
  /** RFC 6381: 'avc1.64001f', 'hvc1.1.6.L93.90', 'av01.0.04M.08', 'mp4a.40.2'. */
  readonly codec: string
  readonly timescale: number
  /** What the colours say; none: SDR. */
  readonly range?: 'pq' | 'hlg'
  /** Of H.264: its avcC, in base64. */
  readonly configuration?: string
  /** 0 for audio. */
  readonly width: number
  readonly height: number
  /** 0 for video. */
  readonly sampleRate: number
  readonly channels: number
}

/** What one media segment holds. */
export interface SegmentFacts {
  /** In ticks of the track's timescale. */
  readonly baseDecodeTime: number
  readonly durationTicks: number
  readonly seconds: number
  readonly samples: number
  readonly startsWithKeyframe: boolean
  /** Sequence number of the first fragment. */
  readonly sequence: number
  /** The first key frame: bytes of moof + mdat up to the end of the picture, for I-frame playlists. */
  readonly firstKeyframe: { readonly offset: number; readonly length: number } | undefined
  /** The bytes of each sample alone. */
  readonly pictures: readonly { readonly offset: number; readonly length: number; readonly key: boolean }[]
}

/** By type of sample entry: the box that configures a decoder, and what it is called for players. */
const pictureKinds: Readonly<Record<string, { box: string; codecOf(configuration: Buffer): string }>> = {
  avc1: { box: 'avcC', codecOf: avcCodec },
  hvc1: { box: 'hvcC', codecOf: hevcCodec },
  av01: { box: 'av1C', codecOf: av1Codec },
}

/** Field numbers are those of ISO 14496-12 (boxes), 14496-15 (avcC) and 14496-1 (esds). Throws output_invalid. */
export function parseInit(data: Buffer): InitFacts {
  return within(() => readInit(data))
}

function readInit(data: Buffer): InitFacts {
  const trak = find(data, ['moov', 'trak'])
  const mdhd = find(data, ['mdia', 'mdhd'], trak)
  const timescale = data.readUInt32BE(mdhd.body + (data[mdhd.body] === 1 ? 20 : 12))
  const stsd = find(data, ['mdia', 'minf', 'stbl', 'stsd'], trak)
  const entry = boxes(data, stsd.body + 8, stsd.end)[0]
  const kind = entry && pictureKinds[entry.type]
  if (kind) {
    const inside = { ...entry, body: entry.body + 78 }
    const box = find(data, [kind.box], inside)
    const configuration = data.subarray(box.body, box.end)
    const [width, height] = [data.readUInt16BE(entry.body + 24), data.readUInt16BE(entry.body + 26)]
    const range = rangeOf(
      data,
      boxes(data, inside.body, inside.end).find(({ type }) => type === 'colr'),
    )
    return {
      ...{ codec: kind.codecOf(configuration), ...(range ? { range } : {}) },
      ...(kind.box === 'avcC' ? { configuration: configuration.toString('base64') } : {}),
      ...{ timescale, width, height, sampleRate: 0, channels: 0 },
    }
  }
  if (entry?.type === 'mp4a') {
    const { objectType, channels, sampleRate } = audioConfig(
      data,
      find(data, ['esds'], { ...entry, body: entry.body + 28 }),
    )
    return { codec: `mp4a.40.${objectType}`, timescale, width: 0, height: 0, sampleRate, channels }
  }
  throw invalid(`the init segment holds ${entry?.type ?? 'no track'}`)
}

/** By the transfer characteristics of colr (14496-12 section 12.1.5; numbers of ISO/IEC 23091-2). */
function rangeOf(data: Buffer, colr: Box | undefined): 'pq' | 'hlg' | undefined {
  if (!colr || data.toString('latin1', colr.body, colr.body + 4) !== 'nclx') return undefined
  const transfer = data.readUInt16BE(colr.body + 6)
  return transfer === 16 ? 'pq' : transfer === 18 ? 'hlg' : undefined
}

/** Reads a segment of one track, of one or more fragments. timescale: ticks a second, from the init segment. */
export function parseSegment(data: Buffer, timescale: number): SegmentFacts {
  return within(() => readSegment(data, timescale))
}

function readSegment(data: Buffer, timescale: number): SegmentFacts {
  const top = boxes(data, 0, data.length)
  const first = top.find((box) => box.type === 'moof')
  if (!first) throw invalid('the segment has no fragment')
  const samples = samplesIn(data)
  const [firstSample] = samples
  if (!firstSample) throw invalid('the segment has no samples')
  const durationTicks = samples.reduce((sum, { duration }) => sum + duration, 0)
  const pictures = samples.map(({ offset, size, sync }) => ({ offset, length: size, key: sync }))
  const tfdt = find(data, ['traf', 'tfdt'], first)
  const baseDecodeTime =
    data[tfdt.body] === 1 ? Number(data.readBigUInt64BE(tfdt.body + 4)) : data.readUInt32BE(tfdt.body + 4)
  const pictureEnd = mdatBehind(top, first).body + firstSample.size
  return {
    ...{ baseDecodeTime, durationTicks, seconds: durationTicks / timescale, samples: samples.length },
    startsWithKeyframe: firstSample.sync,
    sequence: data.readUInt32BE(find(data, ['mfhd'], first).body + 4),
    firstKeyframe: firstSample.sync ? { offset: first.start, length: pictureEnd - first.start } : undefined,
    pictures,
  }
}

/** The samples of a segment's one track in the order of decoding; times in ticks. */
export function samplesIn(data: Buffer): (Sample & { readonly offset: number })[] {
  const top = boxes(data, 0, data.length)
  return top
    .filter((box) => box.type === 'moof')
    .flatMap((moof) => {
      // The first run's data starts right behind the mdat header: one track, one fragment after the other.
      let offset = mdatBehind(top, moof).body
      return samplesOf(data, find(data, ['traf'], moof)).map((sample) => {
        offset += sample.size
        return { ...sample, offset: offset - sample.size }
      })
    })
}

function mdatBehind(top: readonly Box[], moof: Box): Box {
  const mdat = top.find((box) => box.type === 'mdat' && box.start >= moof.end)
  if (!mdat) throw invalid('a fragment has no data')
  return mdat
}

/**
 * Whether a segment is ffmpeg's way of saying "nothing": a chunk past the real end of its source leaves one file
 * with a type box and no fragment (5.1).
 */
export function isEmptySegment(data: Buffer): boolean {
  return boxes(data, 0, data.length).every(({ type }) => type !== 'moof')
}

interface Sample {
  readonly duration: number
  readonly size: number
  /** From its decode time to when it is shown; below 0 where it is decoded late by the clock (version 1 runs). */
  readonly composition: number
  readonly sync: boolean
}

/** Bit of sample_flags: sample_is_non_sync_sample. */
const nonSync = 0x10000

/** Samples of a track fragment: tfhd's defaults, overridden by what each trun carries. */
function samplesOf(data: Buffer, traf: Box): Sample[] {
  const tfhd = find(data, ['tfhd'], traf)
  const flags = data.readUIntBE(tfhd.body + 1, 3)
  let at = tfhd.body + 8
  const optional = (bit: number, bytes: number) => {
    if ((flags & bit) === 0) return 0
    at += bytes
    return bytes === 4 ? data.readUInt32BE(at - 4) : 0
  }
  optional(0x1, 8)
  optional(0x2, 4)
  const fallback = { duration: optional(0x8, 4), size: optional(0x10, 4), flags: optional(0x20, 4) }
  return boxes(data, traf.body, traf.end)
    .filter((box) => box.type === 'trun')
    .flatMap((trun) => runOf(data, trun, fallback))
}

function runOf(
  data: Buffer,
  trun: Box,
  fallback: { duration: number; size: number; flags: number },
): Sample[] {
  const flags = data.readUIntBE(trun.body + 1, 3)
  const count = data.readUInt32BE(trun.body + 4)
  let at = trun.body + 8 + ((flags & 0x1) !== 0 ? 4 : 0)
  const firstFlags = (flags & 0x4) !== 0 ? data.readUInt32BE(at) : undefined
  if (firstFlags !== undefined) at += 4
  const next = (bit: number, otherwise: number) => {
    if ((flags & bit) === 0) return otherwise
    at += 4
    return data.readUInt32BE(at - 4)
  }
  const samples: Sample[] = []
  for (let index = 0; index < count; index++) {
    const duration = next(0x100, fallback.duration)
    const size = next(0x200, fallback.size)
    const own = next(0x400, index === 0 && firstFlags !== undefined ? firstFlags : fallback.flags)
    const composition = next(0x800, 0) | 0
    samples.push({ duration, size, composition, sync: (own & nonSync) === 0 })
  }
  return samples
}

/** AudioSpecificConfig inside esds; tags and lengths of 14496-1 section 7.2.6. */
function audioConfig(data: Buffer, esds: Box): { objectType: number; channels: number; sampleRate: number } {
  const rates = [96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350]
  let at = esds.body + 4
  while (at < esds.end) {
    const tag = data[at]
    at += 1
    while ((data[at]! & 0x80) !== 0) at += 1
    at += 1
    // ES descriptor and decoder config hold others; step into them past their own fields.
    if (tag === 0x03) at += 3
    else if (tag === 0x04) at += 13
    else if (tag === 0x05) {
      const bits = data.readUInt16BE(at)
      const objectType = bits >> 11
      return { objectType, sampleRate: rates[(bits >> 7) & 0xf] ?? 0, channels: (bits >> 3) & 0xf }
    } else break
  }
  throw invalid('the init segment has no audio configuration')
}

function invalid(message: string): WorkerError {
  return new WorkerError('output_invalid', message)
}
