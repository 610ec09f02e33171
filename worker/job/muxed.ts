import type { FileHandle } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { WorkerError } from '../../shared/errors.ts'
import { muxedName, muxedSound, soundFrameAt } from '../chunk/layout.ts'
import type { TrackPart } from '../chunk/ledger.ts'
import { adtsHeaderBytes, codecOf, frameLength } from '../media/adts.ts'
import { chunkSoundArgs, leadOf } from '../media/args-chunk-sound.ts'
import { runTool } from '../media/run.ts'
import type { Sound } from '../media/sounds.ts'
import { type Chunk, segmentStart } from '../media/timeline.ts'
import { audioLimits } from '../media/tool-limits.ts'
import { tsSegment } from '../media/ts-segment.ts'
import type { Measured } from './collect.ts'
import type { EncodeContext } from './encode.ts'
import { orEvened } from './even-sound.ts'
import { openMade, orScratchFull } from './made-files.ts'

/** The sound of one chunk on scratch: frames of AAC, numbered over the whole video. */
interface ChunkSound {
  readonly codec: string
  /** Frames `from` up to `to`; fewer where the sound ends. */
  read(from: number, to: number): Promise<Buffer>
}

/** What makes a chunk's segments of pictures into segments of both. */
export interface Muxer {
  /** Of the sound, RFC 6381; none without sound. Resolves when the sound is encoded. */
  codec(): Promise<string | undefined>
  pack(track: string, segment: Measured): Promise<{ name: string; data: Buffer }>
  /** Resolves when nothing runs any more. */
  ended(): Promise<void>
}

/**
 * Starts to encode the sound of a chunk, once for all its renditions, beside its pictures; segments wait for it. dir:
 * an existing folder.
 */
export function openMuxer(context: EncodeContext, chunk: Chunk, dir: string): Muxer {
  const { grid, ladder } = context.plan
  const track = muxedSound(context.plan)
  const sound = track
    ? encodeSound(context, track, chunk, join(dir, 'sound.aac'))
    : Promise.resolve(undefined)
  // Whoever waits for it hears of it; a chunk past the end of the source has nobody who does.
  sound.catch(() => {})
  const slowest = ladder.reduce(
    (low, { rate }) => (rate.num / rate.den < low.num / low.den ? rate : low),
    grid.rate,
  )

  return {
    codec: async () => (await sound)?.codec,
    async pack(name, { number, init, facts, data }) {
      const rendition = ladder.find((other) => other.name === name)!
      const start = segmentStart(grid, number)
      const firstSound = soundFrameAt(start, grid)
      const endSound = soundFrameAt(start + facts.samples * rendition.everyNth, grid)
      const both = tsSegment({
        ...{ pictures: data, baseDecodeTime: facts.baseDecodeTime, timescale: init.timescale },
        ...{ configuration: init.configuration ?? '', rate: rendition.rate, slowest },
        ...{ sound: (await (await sound)?.read(firstSound, endSound)) ?? Buffer.alloc(0), firstSound },
      })
      return { name: muxedName(number), data: both }
    },
    ended: () =>
      sound.then(
        () => {},
        () => {},
      ),
  }
}

/** Tracks whose segments hold the sound, too. */
export function withCodec(tracks: ReadonlyMap<string, TrackPart>, sound: string | undefined) {
  return [...tracks].map(([name, { init, segments }]): [string, TrackPart] => {
    const codec = sound === undefined ? init.codec : `${init.codec},${sound}`
    return [name, { init: { ...init, codec }, segments }]
  })
}

async function encodeSound(
  context: EncodeContext,
  track: Sound,
  chunk: Chunk,
  path: string,
): Promise<ChunkSound> {
  const { plan, config, source, signal, host, logger } = context
  const first = soundFrameAt(chunk.firstFrame, plan.grid)
  const end = chunk.last ? undefined : soundFrameAt(chunk.firstFrame + chunk.frames, plan.grid)
  let forget = () => {}
  try {
    await orEvened(context, track, { file: `${path}.mkv`, fresh: async () => {} }, (from) =>
      runTool({
        ...{ host, what: 'audio', bin: config.ffmpeg.bin, cwd: join(path, '..'), signal, logger },
        args: chunkSoundArgs({
          ...{ ...from, profile: plan.profile, path },
          ...{ threads: config.ffmpeg.threads, maxPixels: config.limits.maxPixels },
          ...{ seconds: plan.facts.seconds, firstSound: first, endSound: end },
        }),
        limits: audioLimits(config.ffmpeg, (chunk.frames * plan.grid.rate.den) / plan.grid.rate.num),
        stallMs: config.stall.encodeSeconds * 1000,
        onProgress: () => {},
        onStart: (handle) => {
          forget = context.onEncoder(handle)
        },
      }),
    )
  } catch (error) {
    throw source.failure() ?? error
  } finally {
    forget()
  }
  const failure = source.failure()
  if (failure) throw failure
  const sound = await openSound(path, first - leadOf(first))
  if (end !== undefined && sound.end < end)
    throw await orScratchFull(
      new WorkerError(
        'output_invalid',
        `the sound of chunk ${chunk.index} ends at frame ${sound.end}, not ${end}`,
      ),
      dirname(path),
    )
  return sound
}

/** Opens a file of AAC frames, the first of which is number `first`. */
async function openSound(path: string, first: number): Promise<ChunkSound & { readonly end: number }> {
  await using file = await openMade(path)
  const { offsets, codec } = await listFrames(file)
  const at = (number: number) => offsets[Math.min(Math.max(0, number - first), offsets.length - 1)]!
  return {
    codec,
    end: first + offsets.length - 1,
    async read(from, to) {
      await using file = await openMade(path)
      const data = Buffer.alloc(at(to) - at(from))
      await file.read(data, 0, data.length, at(from))
      return data
    },
  }
}

const blockBytes = 2 ** 20

/** Where each frame begins, and where the last one ends. */
async function listFrames(file: FileHandle): Promise<{ offsets: number[]; codec: string }> {
  const offsets = [0]
  let codec = 'mp4a.40.2'
  const block = Buffer.alloc(blockBytes)
  for (;;) {
    const start = offsets.at(-1)!
    const { bytesRead } = await file.read(block, 0, blockBytes, start)
    if (start === 0 && bytesRead >= adtsHeaderBytes) codec = codecOf(block)
    let at = 0
    while (at + adtsHeaderBytes <= bytesRead) {
      at += frameLength(block, at)
      offsets.push(start + at)
    }
    if (bytesRead < blockBytes) return { offsets, codec }
  }
}
