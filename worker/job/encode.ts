import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { withSignal } from '../../shared/abort.ts'
import type { Config } from '../../shared/config.ts'
import { WorkerError } from '../../shared/errors.ts'
import type { Logger } from '../../shared/logger.ts'
import type { Metrics } from '../../shared/metrics.ts'
import { isMuxed } from '../chunk/layout.ts'
import {
  type AudioManifest,
  audioFolder,
  type ChunkManifest,
  type Ledger,
  type Plan,
} from '../chunk/ledger.ts'
import { audioArgs } from '../media/args-audio.ts'
import { videoChunkArgs } from '../media/args-video.ts'
import { requireEncoders } from '../media/encoders.ts'
import { withPictures } from '../media/facts.ts'
import type { ToolHost } from '../media/host.ts'
import type { ProgressUpdate } from '../media/progress.ts'
import { runTool, type ToolHandle, type ToolLimits } from '../media/run.ts'
import type { Seal } from '../media/seal.ts'
import type { Sound } from '../media/sounds.ts'
import type { Chunk } from '../media/timeline.ts'
import { audioLimits, videoLimits, wallMs } from '../media/tool-limits.ts'
import { segmentCheck, segmentsOf } from './check.ts'
import { createCollector, type Measured } from './collect.ts'
import { type DecodeCheck, openDecodeCheck } from './decode-check.ts'
import { orEvened } from './even-sound.ts'
import { chooseGain } from './loudness.ts'
import { type Muxer, openMuxer, withCodec } from './muxed.ts'
import { openSegmentStore } from './segment-store.ts'
import { uploadSheets } from './sheets.ts'
import type { SourceHandle } from './source.ts'
import type { Uploader } from './upload.ts'

/** What every encode of one job shares. */
export interface EncodeContext {
  readonly plan: Plan
  readonly ledger: Ledger
  /** Key prefix of the job's output. */
  readonly folder: string
  /** Scratch folder of the attempt. */
  readonly dir: string
  readonly source: SourceHandle
  readonly uploader: Uploader
  /** Encrypts what is stored, if anything does. */
  readonly seal?: Seal
  readonly host: ToolHost
  readonly config: Pick<Config, 'ffmpeg' | 'stall' | 'limits'>
  readonly logger: Logger
  readonly signal: AbortSignal
  /** Stops the whole job; the first reason stays. */
  stop(error: WorkerError): void
  onBytesMoved(bytes: number): void
  readonly metrics: Metrics
  /** Told of each running encoder, so that a slow bucket can pause it; returns the way to forget it. */
  onEncoder(handle: ToolHandle): () => void
}

/** An encoded chunk: `stored` resolves to its manifest once all of it is in the bucket and the ledger says so. */
export interface EncodedChunk {
  readonly stored: Promise<ChunkManifest>
  /** The source ended in this chunk, although the plan has more: its header promised too much. */
  readonly ended: boolean
  /** Wall seconds of the encode. */
  readonly seconds: number
}

/** Encodes every rendition of one chunk in one ffmpeg: one decode, scaled down step by step. */
export async function encodeChunk(
  context: EncodeContext,
  chunk: Chunk,
  onProgress: (update: ProgressUpdate) => void,
): Promise<EncodedChunk> {
  const { plan, ledger, signal } = context
  requireEncoders(plan.ladder, context.host)
  const outDir = join(context.dir, `chunk-${chunk.index}`)
  const folders = new Map(plan.ladder.map((rendition) => [rendition.name, join(outDir, rendition.name)]))
  await mkdir(outDir, { recursive: true })
  const muxer = isMuxed(plan) ? openMuxer(context, chunk, outDir) : undefined
  const sampled = openDecodeCheck(context, chunk, join(context.dir, `check-${chunk.index}`))
  const facts = withPictures(plan.facts)
  const { parts, seconds } = await encode(context, 'video', outDir, folders, {
    args: videoChunkArgs({
      ...{
        ...toolSource(context),
        facts,
        ladder: plan.ladder,
        grid: plan.grid,
        chunk,
        profile: plan.profile,
        outDir,
      },
    }),
    limits: videoLimits(context.config.ffmpeg, facts.video, chunkSeconds(plan, chunk)),
    onProgress,
    check: segmentCheck(plan, chunk),
    look: sampled.look,
    ...(muxer ? { pack: muxer.pack } : {}),
    objectName: `chunk-${String(chunk.index).padStart(5, '0')}.m4s`,
  })
    .then(async (made) => {
      await sampled.finished()
      return made
    })
    .finally(() => Promise.allSettled([muxer?.ended(), sampled.finished()]))
  const tracks = Object.fromEntries(muxer ? withCodec(parts.tracks, await muxer.codec()) : parts.tracks)
  const segments = chunk.last ? undefined : segmentsOf(chunk, parts.tracks)
  const { sheets, uploaded } = await uploadSheets(context, outDir)
  const stored = withSignal(Promise.all([parts.stored, uploaded]), signal).then(async () => {
    const manifest = await ledger.writeChunk(
      plan,
      { index: chunk.index, tracks, sheets, encodeSeconds: seconds },
      signal,
    )
    await rm(outDir, { recursive: true, force: true })
    return manifest
  })
  return { stored, ended: segments !== undefined && segments < chunk.segments, seconds }
}

/**
 * Encodes one audio rendition for the whole video: no priming gap at the seams, not once a rendition of pictures.
 * onProgress: told the part that is done, 0 to 1; length: in seconds, where it is another one than was planned.
 */
export async function encodeAudio(
  context: EncodeContext,
  sound: Sound,
  index: number,
  onProgress: (fraction: number) => void,
  length = context.plan.facts.seconds,
): Promise<AudioManifest> {
  const { plan, signal } = context
  const folder = audioFolder(index)
  const outDir = join(context.dir, folder)
  const { grid, profile } = plan
  // Two passes where the loudness is to be even: each is half of the way.
  const passes = (profile.loudness ?? 'off') === 'off' ? 1 : 2
  const tell = (pass: number, at: number) => onProgress((pass + Math.min(1, at / length)) / passes)
  const evenly = {
    file: join(outDir, 'even.mkv'),
    // Segments of another length may lie there.
    fresh: () => rm(outDir, { recursive: true, force: true }).then(() => mkdir(outDir)),
  }
  const { parts, seconds } = await orEvened(context, sound, evenly, async (from) => {
    const request = { ...toolSource(context), ...from, grid, profile, seconds: length, outDir }
    const gain = await chooseGain(context, request, (at) => tell(0, at))
    return encode(context, 'audio', outDir, new Map([[folder, outDir]]), {
      args: audioArgs({ ...request, gain }),
      limits: audioLimits(context.config.ffmpeg, length),
      onProgress: (update) => tell(passes - 1, update.seconds),
      check: () => {},
      objectName: 'audio.m4s',
    })
  })
  const part = parts.tracks.get(folder)
  if (!part) throw new WorkerError('output_invalid', `audio track ${sound.track.index} gave no segments`)
  await withSignal(parts.stored, signal)
  return context.ledger.writeAudio(plan, { index, track: part, encodeSeconds: seconds }, signal)
}

interface Run {
  readonly args: string[]
  readonly limits: ToolLimits
  onProgress(update: ProgressUpdate): void
  check(track: string, segment: Measured): void
  look?: DecodeCheck['look']
  pack?: Muxer['pack']
  /** Of each track's one object, where segments are ranges of it. */
  readonly objectName: string
}

async function encode(
  context: EncodeContext,
  what: 'video' | 'audio',
  outDir: string,
  tracks: ReadonlyMap<string, string>,
  run: Run,
) {
  const { config, plan, signal, source } = context
  for (const dir of [outDir, ...tracks.values()]) await mkdir(dir, { recursive: true })
  const collector = createCollector({
    ...{ dir: outDir, tracks },
    selfContained: plan.grid.cuts !== undefined,
    store: openSegmentStore({
      storage: plan.segmentStorage,
      uploader: context.uploader,
      key: (track, file) => `${context.folder}${track}/${file}`,
      objectName: plan.series + run.objectName,
    }),
    named: (file) => plan.series + file,
    // Each segment is read twice: to be measured, and to be sent.
    onSegment: (_track, bytes) => {
      context.metrics.segments_uploaded_total.inc()
      context.onBytesMoved(2 * bytes)
    },
    check: run.check,
    ...(run.pack ? { pack: run.pack } : {}),
    ...(run.look ? { look: run.look } : {}),
    ...(context.seal ? { seal: context.seal } : {}),
    onError: context.stop,
  })
  let forget = () => {}
  try {
    const { seconds } = await runTool({
      ...{ host: context.host, what, bin: config.ffmpeg.bin, args: run.args, cwd: outDir, signal },
      limits: run.limits,
      logger: context.logger,
      timeoutMs: wallMs(run.limits),
      stallMs: config.stall.encodeSeconds * 1000,
      onProgress: run.onProgress,
      onStart: (handle) => {
        forget = context.onEncoder(handle)
      },
    })
    // A broken connection looks like the end of the file to ffmpeg, which then exits 0.
    const failure = source.failure()
    if (failure) throw failure
    return { parts: await collector.finish(), seconds }
  } catch (error) {
    const cause = source.failure() ?? error
    // Past the real end of the source there is nothing to decode; the chunks before it say whether that is an error.
    const pastEnd = what === 'video' && cause instanceof WorkerError && cause.code === 'no_frames'
    if (pastEnd && !signal.aborted) return { parts: await collector.finish(), seconds: 0 }
    // It is tried once more under the same names.
    if (cause instanceof WorkerError && cause.code === 'sound_changes')
      await withSignal(collector.settled(), signal)
    throw cause
  } finally {
    collector.stop()
    forget()
  }
}

/** The last chunk runs to the source’s real end, which is later than its header says when that lies. */
function chunkSeconds({ grid }: Plan, { frames, last }: Chunk): number {
  const longest = last ? Math.max(frames, ...grid.chunks.map((each) => each.frames)) : frames
  return (longest * grid.rate.den) / grid.rate.num
}

function toolSource({ source, plan, config }: EncodeContext) {
  return {
    url: source.url,
    facts: plan.facts,
    threads: config.ffmpeg.threads,
    maxPixels: config.limits.maxPixels,
  }
}
