import { WorkerError } from '../../shared/errors.ts'
import type { SourceFacts, SourceLimits } from './facts.ts'
import type { ToolHost } from './host.ts'
import { framesArgs, headerArgs, packetsArgs, type StreamQuery } from './probe-args.ts'
import { describeSource, noPictures, type Packets } from './probe-facts.ts'
import { chooseVideo, parseHeader, tooLarge } from './probe-header.ts'
import { type FrameFacts, parseFrames, parsePackets } from './probe-packets.ts'
import { describeAudio } from './probe-tracks.ts'
import { type DebugLogger, runTool } from './run.ts'
import { sniff } from './sniff.ts'
import { parseRational } from './timeline.ts'
import { probeLimits } from './tool-limits.ts'

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
  const { format = {}, streams = [] } = parseHeader(
    await ask(request, headerArgs(request.url, request.limits.maxPixels)),
  )
  if (streams.length === 0) throw new WorkerError('no_video', 'the file has no tracks')
  const stream = chooseVideo(streams, request.limits)
  const demuxer = (format.format_name ?? '').split(',')[0]!
  const query = { url: request.url, demuxer, index: stream.index, maxPixels: request.limits.maxPixels }
  const timeBase = parseRational(stream.time_base) ?? { num: 1, den: 90_000 }

  const audible = describeAudio(streams, 0).tracks.map(({ index }) => ({ ...query, index }))
  const [frames, listed, ...sounds] = await Promise.all([
    firstFrames(request, query),
    listPackets(request, query, { stated: Number(format.duration), start: Number(format.start_time) || 0 }),
    ...audible.map((track) => firstSounds(request, track)),
  ])
  if (frames.length === 0) throw noPictures(request.head, listed.head)
  const silent = new Set(
    audible.filter((_, position) => sounds[position]?.length === 0).map(({ index }) => index),
  )
  return describeSource({
    ...{ demuxer, format, stream, timeBase, frames, listed, bytes: request.bytes, limits: request.limits },
    streams: streams.filter(({ index }) => !silent.has(index)),
    silentTracks: silent.size,
  })
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
    limits: probeLimits({ memoryLimitMb: tools.memoryMb, nice: tools.nice }, tools.timeoutSeconds),
    timeoutMs: tools.timeoutSeconds * 1000,
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

/** A track that no decoder can make sound of would fail the whole job later: it is left out, with a warning. */
function firstSounds(request: ProbeRequest, query: StreamQuery): Promise<FrameFacts[]> {
  return firstFrames(request, query).catch((error: unknown) => {
    if (error instanceof WorkerError && error.kind === 'rejected') return []
    throw error
  })
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
