import { WorkerError } from '../../shared/errors.ts'
import { describeChapters } from './chapters.ts'
import type { FilmFacts, SeekFacts, SourceLimits } from './facts.ts'
import { inTurn, mendJumps } from './packet-order.ts'
import {
  describePicture,
  isCover,
  type ProbeChapter,
  type ProbeHeader,
  type ProbeStream,
} from './probe-header.ts'
import { type FrameFacts, type PacketTime, paceOf, paceOfOne, paceOfPlaces } from './probe-packets.ts'
import { describeAudio, describeSubtitles } from './probe-tracks.ts'
import { parseRational, type Rational } from './timeline.ts'

export interface Packets {
  /** From the start: all of them when `complete`. */
  readonly head: readonly PacketTime[]
  readonly tail: readonly PacketTime[]
  readonly complete: boolean
  /** Pictures all over the file, where the header says that those of its start are not like the rest. */
  readonly places?: { readonly packets: readonly PacketTime[]; readonly apartSeconds: number }
}

/** Everything ffprobe said, ready to be weighed. */
export interface Findings {
  readonly demuxer: string
  readonly format: NonNullable<ProbeHeader['format']>
  readonly streams: readonly ProbeStream[]
  readonly chapters: readonly ProbeChapter[]
  /** The video among them. */
  readonly stream: ProbeStream
  readonly timeBase: Rational
  /** The first pictures, decoded; at least one. */
  readonly frames: readonly FrameFacts[]
  readonly listed: Packets
  readonly bytes: number
  readonly limits: SourceLimits
  /** Audio tracks that were left out of `streams` because nothing in them decodes. */
  readonly silentTracks: number
}

/** Weighs what was found: packets before headers. Throws video_too_long. */
export function describeSource(found: Findings): FilmFacts {
  const { demuxer, format, streams, stream, timeBase, frames, limits } = found
  const { listed, late } = ordered(found.listed)
  const { packets, jumps } = mended(demuxer, listed, timeBase)
  const shownFirst = frames.reduce((low, frame) => Math.min(low, frame.ticks), frames[0]!.ticks)
  const first = wholeFrom(stream, demuxer, packets.head) ?? shownFirst
  const pace = paceOfVideo(stream, frames, packets, timeBase)
  const shown = secondsFrom(first, packets, pace.frameTicks, timeBase)
  const alone = frames.length === 1 && packets.complete && packets.head.length < mostUndecoded
  const { rate, seconds } = alone ? paceOfOne(shown) : { rate: pace.rate, seconds: shown }
  checkLength(seconds, limits)
  const origin = { ticks: first, timeBase, seconds: (first * timeBase.num) / timeBase.den }
  const { tracks, ignored } = describeAudio(streams, origin.seconds)
  const left = ignored + found.silentTracks
  const unseen = streams.filter((each) => each.codec_type === 'video' && !isCover(each)).length - 1
  return {
    demuxer,
    seconds,
    seek: jumps ? { mode: 'none', marginSeconds: 0 } : seekOf(demuxer, packets, timeBase),
    jumps: jumps
      ? {
          startSeconds: Number(format.start_time) || 0,
          streams: [stream.index, ...tracks.map(({ index }) => index)],
        }
      : undefined,
    video: {
      ...describePicture(sized(stream, frames[0]!)),
      rate,
      ...(alone ? { alone } : {}),
      ...(late.length > 0 ? { late } : {}),
      variableRate: pace.variable,
      interlaced: interlacedOf(stream, frames),
      origin,
    },
    audio: tracks,
    subtitles: describeSubtitles(streams),
    // Where the clock jumps, nobody knows what their times mean.
    chapters: jumps ? [] : describeChapters(found.chapters, origin.seconds, seconds),
    bitrateKbps: Math.round((found.bytes * 8) / 1000 / seconds),
    warnings: [
      ...(left > 0 ? [`audio tracks left out, unknown or not decodable: ${left}`] : []),
      ...(unseen > 0 ? [`other tracks of pictures left out: ${unseen}`] : []),
      ...(jumps ? ['time stamps jump; the jumps are cut out'] : []),
    ],
  }
}

/**
 * Where the pictures begin to be whole, in ticks, when the decoder does not know: HEVC that was cut in mid-group. Of
 * other codecs ffmpeg drops what leans on pictures that are not there; of HEVC it makes them up, in grey (12.9 dB).
 * An MP4's edit list hides what stands before its first picture: that is no cut.
 */
function wholeFrom(
  { codec_name }: ProbeStream,
  demuxer: string,
  packets: readonly PacketTime[],
): number | undefined {
  if (codec_name !== 'hevc' || demuxer === 'mov' || packets[0]?.key !== false) return undefined
  return packets.find(({ key }) => key)?.ticks
}

/** Of so few packets all were decoded: what did not show then never does. */
const mostUndecoded = 60

export function checkLength(seconds: number, { maxSeconds }: SourceLimits): void {
  if (seconds > maxSeconds)
    throw new WorkerError(
      'video_too_long',
      `the video lasts ${Math.round(seconds)} s, the limit is ${maxSeconds} s`,
    )
}

/** Broadcast containers alone restart their clock in the middle of a file. */
export function isRestarting(demuxer: string): demuxer is 'mpegts' | 'mpeg' {
  return demuxer === 'mpegts' || demuxer === 'mpeg'
}

/** Of its pictures' mean rate, in the header and at the start: more than this, and the start is not like the rest. */
const unlike = 0.05

/** Whether the start of a file has as many pictures a second as its header says of all of it. */
export function isLikeItsStart(
  { head, complete }: Packets,
  { avg_frame_rate }: ProbeStream,
  { num, den }: Rational,
): boolean {
  const mean = parseRational(avg_frame_rate)
  if (complete || !mean) return true
  const ticks = head.map((packet) => packet.ticks)
  const lasts = ((Math.max(...ticks) - Math.min(...ticks)) * num) / den
  return !(lasts > 0) || Math.abs((mean.num / mean.den) * (lasts / (ticks.length - 1)) - 1) < unlike
}

/** The packets in their turn, and where those stand that come late: only who has seen all of them can tell. */
function ordered(listed: Packets): { listed: Packets; late: readonly number[] } {
  if (!listed.complete) return { listed, late: [] }
  const { packets: head, late } = inTurn(listed.head)
  return { listed: { ...listed, head, tail: head }, late }
}

/** The packets on a clock that runs on, and whether theirs did not. */
export function mended(
  demuxer: string,
  listed: Packets,
  timeBase: Rational,
): { packets: Packets; jumps: boolean } {
  if (!isRestarting(demuxer) || !listed.complete) return { packets: listed, jumps: false }
  const head = mendJumps(listed.head, timeBase)
  const jumps = head.at(-1)?.ticks !== listed.head.at(-1)?.ticks
  return { packets: jumps ? { head, tail: head, complete: true } : listed, jumps }
}

/** Cameras store fields as packets of their own: then decoded pictures, not packets, give the rate. */
function paceOfVideo(
  stream: ProbeStream,
  frames: readonly FrameFacts[],
  { head, places }: Packets,
  timeBase: Rational,
) {
  const stated = [stream.r_frame_rate, stream.avg_frame_rate]
  const ticksOf = (packets: readonly PacketTime[]) => packets.map(({ ticks }) => ticks)
  const byPacket = places
    ? // A third: of two places nothing is that near, within one nothing that far.
      paceOfPlaces(ticksOf(places.packets), places.apartSeconds / 3, timeBase, stated)
    : paceOf(
        ticksOf(head).toSorted((a, b) => a - b),
        timeBase,
        stated,
      )
  const byFrame = paceOf(
    frames.map(({ ticks }) => ticks).toSorted((a, b) => a - b),
    timeBase,
    stated,
  )
  const ratio = byFrame.frameTicks / byPacket.frameTicks
  return frames.length > 4 && ratio > 1.9 && ratio < 2.1 ? byFrame : byPacket
}

/** From the first picture to the end of the last one; packets may come in any order. */
export function secondsFrom(first: number, packets: Packets, frameTicks: number, timeBase: Rational): number {
  let last: PacketTime | undefined
  for (const list of [packets.head, packets.tail]) {
    for (const packet of list) if (!last || packet.ticks > last.ticks) last = packet
  }
  const second = timeBase.den / timeBase.num
  // A last picture of more than a second is a header's guess, unless the pictures are that slow.
  const longest = Math.max(second, 2 * frameTicks)
  const duration = last && last.duration > 0 && last.duration <= longest ? last.duration : frameTicks
  const end = last ? Math.max(last.ticks, first) + duration : first + frameTicks
  return (end - first) / second
}

function interlacedOf(stream: ProbeStream, frames: readonly FrameFacts[]): 'no' | 'marked' | 'all' {
  if (frames.some((frame) => frame.interlaced)) return 'marked'
  return /^(tt|bb|tb|bt)$/.test(stream.field_order ?? '') ? 'all' : 'no'
}

/** Streams whose header has no size get that of the first picture. */
function sized(stream: ProbeStream, frame: FrameFacts): ProbeStream {
  return stream.width && stream.height ? stream : { ...stream, width: frame.width, height: frame.height }
}

/** Containers that find a key frame by an index, or (margin) by searching for a time. */
const indexed = ['mov', 'matroska', 'avi', 'mxf', 'flv']
const searched = ['mpegts', 'mpeg']
/** The decoder needs a key frame within the margin; one in this many seconds is a fair broadcast. */
const longestMarginSeconds = 60

function seekOf(demuxer: string, packets: Packets, timeBase: Rational): SeekFacts {
  // A second covers what containers index by decode time while we cut by display time.
  if (indexed.includes(demuxer)) return { mode: 'index', marginSeconds: 1 }
  if (!searched.includes(demuxer)) return { mode: 'none', marginSeconds: 0 }
  const keys = packets.head.filter(({ key }) => key).map(({ ticks }) => ticks)
  const gaps = keys.slice(1).map((tick, i) => tick - keys[i]!)
  if (gaps.length === 0) return { mode: 'none', marginSeconds: 0 }
  const longest = (Math.max(...gaps) * timeBase.num) / timeBase.den
  // Twice the longest interval seen (all of them were seen in a small file), and a second for the search itself.
  const marginSeconds = Math.ceil(longest * (packets.complete ? 1 : 2) + 1)
  return longest > 0 && marginSeconds <= longestMarginSeconds
    ? { mode: 'margin', marginSeconds }
    : { mode: 'none', marginSeconds: 0 }
}

/** Why nothing could be decoded, as far as the head of the file and its packets tell. */
export function noPictures(head: Buffer, packets: readonly PacketTime[]): WorkerError {
  if (/encv|pssh/.test(head.toString('latin1'))) {
    return new WorkerError('input_encrypted', 'the file is protected (DRM)')
  }
  return packets.length === 0
    ? new WorkerError('container_damaged', 'the file promises a video, but its pictures are missing')
    : new WorkerError('no_frames', 'no picture could be decoded from the file')
}
