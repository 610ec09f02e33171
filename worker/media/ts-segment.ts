import { WorkerError } from '../../shared/errors.ts'
import { frameLength, frameSamples } from './adts.ts'
import { samplesIn } from './fmp4.ts'
import { type AvcConfiguration, parseConfiguration } from './h264.ts'
import { muxSegment, type Pes } from './mpegts.ts'
import type { Rational } from './timeline.ts'

const clockRate = 90_000
const sampleRate = 48_000
/** Where ffmpeg lets its streams begin: 1.4 s. */
const usualStart = 126_000
/** Pictures that x264 may show later than it sends them, with a pyramid of B-frames. */
const reordered = 2
/** About an eighth of a second to a PES packet: less overhead than a frame each, and no delay that matters. */
const framesTogether = 6
const startCode = Buffer.from([0, 0, 0, 1])
/** Access unit delimiter: any slice may follow. */
const delimiter = Buffer.from([0, 0, 0, 1, 9, 0xf0])

export interface TsSegment {
  /** The fMP4 segment with the pictures. */
  readonly pictures: Buffer
  readonly baseDecodeTime: number
  readonly timescale: number
  /** avcC, in base64. */
  readonly configuration: string
  /** Pictures a second of this rendition. */
  readonly rate: Rational
  /** Of the rendition with the fewest pictures: all start at the same time. */
  readonly slowest: Rational
  /** Frames of AAC in ADTS, one after the other; the first is number `firstSound` of the whole video's. */
  readonly sound: Buffer
  readonly firstSound: number
}

/** The same pictures, with their sound, as a segment of a transport stream. Pure. Throws output_invalid. */
export function tsSegment(segment: TsSegment): Buffer {
  const start = usualStart + ticks(reordered, segment.slowest)
  const pictures = picturesOf(segment, start)
  const sound = soundOf(segment, start)
  const list: Pes[] = []
  for (const picture of pictures) {
    while (list.length > 0 && sound[0] && sound[0].pts <= picture.dts) list.push(sound.shift()!)
    list.push(picture)
  }
  return muxSegment([...list, ...sound])
}

function picturesOf(
  { pictures, baseDecodeTime, timescale, configuration, rate }: TsSegment,
  start: number,
): Pes[] {
  const avc = parseConfiguration(Buffer.from(configuration, 'base64'))
  const lead = ticks(reordered, rate)
  let decoded = baseDecodeTime
  return samplesIn(pictures).map(({ offset, size, duration, composition, sync }): Pes => {
    const pts = start + Math.round(((decoded + composition) * clockRate) / timescale)
    const dts = start - lead + Math.round((decoded * clockRate) / timescale)
    decoded += duration
    if (dts > pts) throw new WorkerError('output_invalid', 'a picture is shown before it is decoded')
    return {
      track: 'video',
      pts,
      dts,
      payload: annexB(pictures.subarray(offset, offset + size), avc, sync),
      random: sync,
    }
  })
}

function soundOf({ sound, firstSound }: TsSegment, start: number): Pes[] {
  const list: Pes[] = []
  let number = firstSound
  for (let at = 0; at < sound.length; ) {
    const from = at
    const pts = start + (number * frameSamples * clockRate) / sampleRate
    for (let count = 0; count < framesTogether && at < sound.length; count++, number++)
      at += frameLength(sound, at)
    list.push({ track: 'audio', pts, dts: pts, payload: sound.subarray(from, at), random: false })
  }
  return list
}

function ticks(frames: number, { num, den }: Rational): number {
  return Math.round((frames * den * clockRate) / num)
}

/** Lengths become start codes; key frames get their parameter sets in front (hls-rules: segment_idr). */
function annexB(picture: Buffer, avc: AvcConfiguration, key: boolean): Buffer {
  const parts: Buffer[] = [delimiter]
  if (key) for (const set of avc.sets) parts.push(startCode, set)
  for (let at = 0; at < picture.length; ) {
    const begin = at + avc.lengthBytes
    at = begin + picture.readUIntBE(at, avc.lengthBytes)
    if (at > picture.length) throw new WorkerError('output_invalid', 'a picture is longer than its room')
    parts.push(startCode, picture.subarray(begin, at))
  }
  return Buffer.concat(parts)
}
