import { WorkerError } from '../../shared/errors.ts'
import { type ReadBytes, seemsToJump } from './clock-looks.ts'
import type { FilmFacts, SourceFacts, SourceLimits } from './facts.ts'
import { checkFields, countFields, fieldsArgs } from './fields.ts'
import { readFrameHdr10, readHdr10 } from './hdr10.ts'
import type { ToolHost } from './host.ts'
import { framesArgs, headerArgs, packetsArgs, type StreamQuery, sideDataArgs } from './probe-args.ts'
import { describeSource, isLikeItsStart, isRestarting, noPictures, type Packets } from './probe-facts.ts'
import { chooseVideo, type ProbeStream, parseHeader, tooLarge } from './probe-header.ts'
import { type FrameFacts, parseFrames, parsePackets } from './probe-packets.ts'
import { type OpenSource, probeSound, timeBaseOf } from './probe-sound.ts'
import { describeAudio } from './probe-tracks.ts'
import { type DebugLogger, runTool } from './run.ts'
import { sniff } from './sniff.ts'
import { probeLimits } from './tool-limits.ts'

export interface ProbeRequest {
  /** Loopback URL of the source. */
  readonly url: string
  readonly bytes: number
  /** First 64 KiB of the source (or all of it, if shorter). */
  readonly head: Buffer
  /** Reads the source past ffprobe, to look at the clock of large broadcasts; none: it is believed to run on. */
  readonly read?: ReadBytes
  readonly host: ToolHost
  readonly tools: {
    readonly probeBin: string
    /** Looks at pictures whose fields are in doubt; none: what the file says is believed. */
    readonly ffmpegBin?: string
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
/** A listing that reads all of a file may wait for the bucket: bytes a second. */
const slowestBytes = 8 * 1024 * 1024
/** Of larger files: about 20 s at the start, for the rate. */
const headPackets = 600
/** Where the rate is not that of the start: so many places, and so many seconds at each. */
const places = 16
const placeSeconds = 2
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
  const demuxers = sniff(request.head)
  const { limits } = request
  const {
    format = {},
    streams = [],
    chapters = [],
  } = parseHeader(await ask(request, headerArgs(request.url, limits.maxPixels, demuxers)))
  if (streams.length === 0) throw new WorkerError('no_video', 'the file has no tracks')
  const stream = chooseVideo(streams, limits)
  const demuxer = (format.format_name ?? '').split(',')[0]!
  const opened = {
    ...{ demuxer, format, streams, chapters, limits, bytes: request.bytes },
    query: (index: number) => ({ url: request.url, demuxer, index, maxPixels: limits.maxPixels }),
    firstFrames: (index: number) => orNothing(firstFrames(request, opened.query(index)), []),
    shows: (index: number) => {
      const text = ask(request, framesArgs(opened.query(index), 1))
      return orNothing(
        text.then((lines) => /\bwidth=[1-9]/.test(lines)),
        false,
      )
    },
    packets: (index: number) => listPackets(request, opened.query(index), spanOf(format)),
  }
  return stream ? probeFilm(request, opened, stream) : probeSound(opened)
}

async function probeFilm(request: ProbeRequest, opened: OpenSource, stream: ProbeStream): Promise<FilmFacts> {
  const { query, streams, chapters, demuxer, format, bytes, limits } = opened
  const timeBase = timeBaseOf(stream)
  const audible = describeAudio(streams, 0).tracks
  const [frames, ends, ...sounds] = await Promise.all([
    firstFrames(request, query(stream.index)),
    opened.packets(stream.index),
    ...audible.map(({ index }) => opened.firstFrames(index)),
  ])
  if (frames.length === 0) throw noPictures(request.head, ends.head)
  const listed = isLikeItsStart(ends, stream, timeBase)
    ? ends
    : { ...ends, ...(await lookAtPlaces(request, query(stream.index), spanOf(format))) }
  const silent = new Set(
    audible.filter((_, position) => sounds[position]?.length === 0).map(({ index }) => index),
  )
  const facts = describeSource({
    ...{ demuxer, format, stream, timeBase, frames, listed, bytes, limits },
    streams: streams.filter(({ index }) => !silent.has(index)),
    ...{ silentTracks: silent.size, chapters },
  })
  const checked = await checkFields(facts, (at) => lookAtFields(request, facts, at))
  if (facts.video.dynamicRange !== 'pq') return checked
  const hdr10 = readHdr10(stream.side_data_list) ?? (await orNothing(pictureHdr10(), undefined))
  return hdr10 ? { ...checked, video: { ...checked.video, hdr10 } } : checked

  async function pictureHdr10() {
    return readFrameHdr10(await ask(request, sideDataArgs(query(stream.index))))
  }
}

interface Span {
  readonly stated: number
  readonly start: number
}

/** Seconds that the header tells: NaN when it does not. */
function spanOf({ duration, start_time }: { duration?: string; start_time?: string }): Span {
  return { stated: Number(duration), start: Number(start_time) || 0 }
}

/** Screens and calls are recorded as they change: then pictures are looked at all over the file. */
async function lookAtPlaces(
  request: ProbeRequest,
  query: StreamQuery,
  { stated, start }: Span,
): Promise<Pick<Packets, 'places'>> {
  const apartSeconds = stated / places
  const times = Array.from({ length: places }, (_, at) => start + (at + 0.5) * apartSeconds)
  try {
    const packets = parsePackets(await ask(request, packetsArgs(query, { times, seconds: placeSeconds })))
    return packets.length > places ? { places: { packets, apartSeconds } } : {}
  } catch {
    request.signal.throwIfAborted()
    return {}
  }
}

/** A look that fails says nothing: the encode will tell what is wrong with the pictures. */
async function lookAtFields(request: ProbeRequest, facts: FilmFacts, at: number) {
  const { tools, url, limits, signal } = request
  if (!tools.ffmpegBin) return undefined
  const args = fieldsArgs({ url, facts, threads: 0, maxPixels: limits.maxPixels }, at)
  try {
    return countFields(await ask(request, args, { bin: tools.ffmpegBin }))
  } catch {
    signal.throwIfAborted()
    return undefined
  }
}

function ask(
  request: ProbeRequest,
  args: readonly string[],
  {
    bin = request.tools.probeBin,
    timeoutSeconds = request.tools.timeoutSeconds,
  }: { bin?: string; timeoutSeconds?: number } = {},
): Promise<string> {
  const { tools } = request
  return runTool({
    host: request.host,
    what: 'probe',
    bin,
    args,
    signal: request.signal,
    cwd: request.cwd,
    limits: probeLimits({ memoryLimitMb: tools.memoryMb, nice: tools.nice }, timeoutSeconds),
    timeoutMs: timeoutSeconds * 1000,
    logger: request.logger,
  }).then(({ stdout, stderrTail }) => {
    // ffprobe goes on without a size and exits 0.
    const bomb = /Picture size (\d+x\d+) exceeds/.exec(stderrTail)?.[1]
    if (bomb) throw tooLarge(bomb, request.limits)
    return stdout
  })
}

async function firstFrames(request: ProbeRequest, query: StreamQuery): Promise<FrameFacts[]> {
  const frames = parseFrames(await ask(request, framesArgs(query, firstPackets)))
  return frames.length > 0 ? frames : parseFrames(await ask(request, framesArgs(query, morePackets)))
}

/** A track that no decoder can make anything of would fail the whole job later: it is left out, with a warning. */
function orNothing<T>(answer: Promise<T>, nothing: T): Promise<T> {
  return answer.catch((error: unknown) => {
    if (error instanceof WorkerError && error.kind === 'rejected') return nothing
    throw error
  })
}

async function listPackets(
  request: ProbeRequest,
  query: StreamQuery,
  { stated, start }: Span,
): Promise<Packets> {
  const all = async () => {
    const seconds = request.tools.timeoutSeconds + request.bytes / slowestBytes
    const head = parsePackets(await ask(request, packetsArgs(query, 'all'), { timeoutSeconds: seconds }))
    return { head, tail: head, complete: true }
  }
  if (request.bytes <= fullScanBytes || !(stated > 2 * tailSeconds)) return all()
  const { demuxer } = query
  const { read, bytes } = request
  if (read && isRestarting(demuxer) && (await seemsToJump(demuxer, bytes, read))) return all()

  const [head, tail] = await Promise.all([
    ask(request, packetsArgs(query, { count: headPackets })).then(parsePackets),
    ask(request, packetsArgs(query, { fromSeconds: start + stated - tailSeconds })).then(parsePackets),
  ])
  // Nothing at the stated end: cut off, or the header lies. Then only reading tells how long it is.
  return tail.length > 0 ? { head, tail, complete: false } : all()
}
