import { WorkerError } from '../../shared/errors.ts'
import type { SeekFacts, SourceFacts, SourceLimits } from './facts.ts'
import type { ToolHost } from './host.ts'
import { framesArgs, headerArgs, packetsArgs, type StreamQuery } from './probe-args.ts'
import {
  chooseVideo,
  describeAudio,
  describePicture,
  describeSubtitles,
  type ProbeStream,
  parseHeader,
} from './probe-header.ts'
import {
  type FrameFacts,
  mendJumps,
  type PacketTime,
  paceOf,
  parseFrames,
  parsePackets,
} from './probe-packets.ts'
import { type DebugLogger, runTool } from './run.ts'
import { sniff } from './sniff.ts'
import { parseRational, type Rational } from './timeline.ts'

export interface ProbeRequest {
  /** Loopback URL of the source. */
  readonly url: string
  readonly bytes: number
  /** First 64 KiB of the source (or all of it, if shorter). */
  readonly head: Buffer
  readonly host: ToolHost
  readonly tools: {
    readonly probeBin: string
    readonly timeoutSeconds: number
    readonly memoryMb: number
    readonly nice: number
  }
  readonly limits: SourceLimits
  readonly cwd: string
  readonly signal: AbortSignal
  readonly logger?: DebugLogger | undefined
}

/** Up to this size every packet is listed: a third of a second for what is read anyway, and nothing is guessed. */
const fullScanBytes = 32 * 1024 * 1024
/** Of larger files: about 20 s at the start, for the rate. */
const headPackets = 600
/** Seconds before the stated end from which the tail is listed. */
const tailSeconds = 5
/** A key frame must be among these, or the second, longer try finds it. */
const firstPackets = 60
const morePackets = 1500

/**
 * Looks at a source and decides whether it can be packaged. Reads its head and its end, or all of it when it is
 * small or its header does not say how long it is. Throws WorkerErrors of kind rejected with a sentence for a
 * person; probe_failed and probe_timeout when the fault is not known to be the file's.
 */
export async function probeSource(request: ProbeRequest): Promise<SourceFacts> {
  sniff(request.head)
  const { format = {}, streams = [] } = parseHeader(await ask(request, headerArgs(request.url)))
  if (streams.length === 0) throw new WorkerError('no_video', 'the file has no tracks')
  const stream = chooseVideo(streams, request.limits)
  const demuxer = (format.format_name ?? '').split(',')[0]!
  const query = { url: request.url, demuxer, index: stream.index, maxPixels: request.limits.maxPixels }
  const timeBase = parseRational(stream.time_base) ?? { num: 1, den: 90_000 }

  const [frames, listed] = await Promise.all([
    firstFrames(request, query),
    listPackets(request, query, { stated: Number(format.duration), start: Number(format.start_time) || 0 }),
  ])
  if (frames.length === 0) throw noPictures(request, listed.head)
  const { packets, jumps } = mended(demuxer, listed, timeBase)

  const first = frames.reduce((low, frame) => Math.min(low, frame.ticks), frames[0]!.ticks)
  const pace = paceOfVideo(stream, frames, packets.head, timeBase)
  const seconds = secondsFrom(first, packets, pace.frameTicks, timeBase)
  if (seconds > request.limits.maxSeconds) {
    throw new WorkerError(
      'video_too_long',
      `the video lasts ${Math.round(seconds)} s, the limit is ${request.limits.maxSeconds} s`,
    )
  }
  const origin = { ticks: first, timeBase, seconds: (first * timeBase.num) / timeBase.den }
  const { tracks, ignored } = describeAudio(streams, origin.seconds)
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
      rate: pace.rate,
      variableRate: pace.variable,
      interlaced: interlacedOf(stream, frames),
      origin,
    },
    audio: tracks,
    subtitles: describeSubtitles(streams),
    bitrateKbps: Math.round((request.bytes * 8) / 1000 / seconds),
    warnings: [
      ...(ignored > 0 ? [`${ignored} audio tracks ignored`] : []),
      ...(jumps ? ['time stamps jump; the jumps are cut out'] : []),
    ],
  }
}

function ask(request: ProbeRequest, args: readonly string[]): Promise<string> {
  const { tools } = request
  return runTool({
    host: request.host,
    what: 'probe',
    bin: tools.probeBin,
    args,
    signal: request.signal,
    cwd: request.cwd,
    limits: { memoryMb: tools.memoryMb, nice: tools.nice },
    timeoutMs: tools.timeoutSeconds * 1000,
    logger: request.logger,
  }).then(({ stdout }) => stdout)
}

async function firstFrames(request: ProbeRequest, query: StreamQuery): Promise<FrameFacts[]> {
  const frames = parseFrames(await ask(request, framesArgs(query, firstPackets)))
  return frames.length > 0 ? frames : parseFrames(await ask(request, framesArgs(query, morePackets)))
}

interface Packets {
  /** From the start: all of them when `complete`. */
  readonly head: readonly PacketTime[]
  readonly tail: readonly PacketTime[]
  readonly complete: boolean
}

async function listPackets(
  request: ProbeRequest,
  query: StreamQuery,
  { stated, start }: { stated: number; start: number },
): Promise<Packets> {
  const all = async () => {
    const head = parsePackets(await ask(request, packetsArgs(query, 'all')))
    return { head, tail: head, complete: true }
  }
  if (request.bytes <= fullScanBytes || !(stated > 2 * tailSeconds)) return all()

  const [head, tail] = await Promise.all([
    ask(request, packetsArgs(query, { count: headPackets })).then(parsePackets),
    ask(request, packetsArgs(query, { fromSeconds: start + stated - tailSeconds })).then(parsePackets),
  ])
  // Nothing at the stated end: cut off, or the header lies. Then only reading tells how long it is.
  return tail.length > 0 ? { head, tail, complete: false } : all()
}

/** Broadcast containers alone restart their clock in the middle of a file. */
const restarting = ['mpegts', 'mpeg']

function mended(demuxer: string, listed: Packets, timeBase: Rational): { packets: Packets; jumps: boolean } {
  if (!restarting.includes(demuxer) || !listed.complete) return { packets: listed, jumps: false }
  const head = mendJumps(listed.head, timeBase)
  const jumps = head.at(-1)?.ticks !== listed.head.at(-1)?.ticks
  return { packets: jumps ? { head, tail: head, complete: true } : listed, jumps }
}

/** Cameras store fields as packets of their own: then decoded pictures, not packets, give the rate. */
function paceOfVideo(
  stream: ProbeStream,
  frames: readonly FrameFacts[],
  packets: readonly PacketTime[],
  timeBase: Rational,
) {
  const stated = [stream.r_frame_rate, stream.avg_frame_rate]
  const byPacket = paceOf(
    packets.map(({ ticks }) => ticks).toSorted((a, b) => a - b),
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
function secondsFrom(first: number, packets: Packets, frameTicks: number, timeBase: Rational): number {
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

function noPictures(request: ProbeRequest, packets: readonly PacketTime[]): WorkerError {
  if (/encv|pssh/.test(request.head.toString('latin1'))) {
    return new WorkerError('input_encrypted', 'the file is protected (DRM)')
  }
  return packets.length === 0
    ? new WorkerError('container_damaged', 'the file promises a video, but its pictures are missing')
    : new WorkerError('no_frames', 'no picture could be decoded from the file')
}
