import { asWorkerError } from '../../shared/errors.ts'
import { soundRenditions } from '../chunk/layout.ts'
import type { AudioManifest, ChunkManifest, Plan } from '../chunk/ledger.ts'
import type { ToolHandle } from '../media/run.ts'
import type { Seal } from '../media/seal.ts'
import { type Chunk, framesToSeconds } from '../media/timeline.ts'
import { driftingSounds } from './drift.ts'
import { type EncodeContext, encodeAudio, encodeChunk } from './encode.ts'
import type { OpenVideo } from './opening.ts'
import { createEstimate } from './progress.ts'
import type { VideoContext, VideoSpec } from './video.ts'

/** Sizes in bytes of what is in the bucket already, by name in the job's folder. */
export type Present = ReadonlyMap<string, number>

/** What the encodes of one job share; a bucket that is slower than the encoder pauses the encoder. */
export function encodeContext(
  { context, ledger, source, uploader }: OpenVideo,
  spec: VideoSpec,
  plan: Plan,
  seal: Seal | undefined,
): EncodeContext {
  const encoders = new Set<ToolHandle>()
  let paused = false
  uploader.onPressure((high) => {
    paused = high
    context.logger.info(
      { pendingBytes: uploader.pendingBytes() },
      high ? 'uploads lag: encoder paused' : 'encoder resumed',
    )
    for (const encoder of encoders) high ? encoder.pause() : encoder.resume()
  })
  return {
    ...{ plan, ledger, folder: spec.folder, dir: context.dir, source, uploader },
    ...(seal ? { seal } : {}),
    ...{ host: context.host, config: context.config, logger: context.logger },
    ...{
      signal: context.signal,
      stop: context.stop,
      onBytesMoved: context.onBytesMoved,
      metrics: context.metrics,
    },
    onEncoder(handle) {
      encoders.add(handle)
      if (paused) handle.pause()
      return () => encoders.delete(handle)
    },
  }
}

/**
 * Encodes the chunks that are not in the bucket yet, one after the other; the uploads of one go on under the
 * encode of the next. Resolves to all manifests, in order, up to where the source really ends.
 */
export async function walkChunks(
  encoding: EncodeContext,
  present: Present,
  { reporter, metrics }: Pick<VideoContext, 'reporter' | 'metrics'>,
): Promise<ChunkManifest[]> {
  const { plan, ledger, logger, signal } = encoding
  const stored: Promise<ChunkManifest>[] = []
  const estimate = createEstimate()
  let doneFrames = 0
  let reused = 0
  reporter.move('transcoding', 0)
  for (const chunk of plan.grid.chunks) {
    const found = present.size > 0 ? await ledger.readChunk(plan, chunk.index, present, signal) : undefined
    if (found) {
      reused += 1
      stored.push(Promise.resolve(found))
      if (endsIn(chunk, plan, found)) break
    } else {
      const encoded = await encodeChunk(encoding, chunk, ({ frame, speed }) => {
        const frames = doneFrames + frame
        const remaining = estimate({
          encodedSeconds: framesToSeconds(frame, plan.grid.rate),
          leftSeconds: framesToSeconds(Math.max(0, plan.grid.totalFrames - frames), plan.grid.rate),
          speed,
        })
        reporter.move('transcoding', frames / plan.grid.totalFrames, remaining)
      })
      encoded.stored.catch((error: unknown) => encoding.stop(asWorkerError(error)))
      stored.push(encoded.stored)
      logger.info({ chunk: chunk.index, of: plan.grid.chunks.length }, 'chunk encoded')
      metrics.encode_speed.observe(
        framesToSeconds(chunk.frames, plan.grid.rate) / Math.max(0.001, encoded.seconds),
      )
      if (encoded.ended) break
    }
    doneFrames += chunk.frames
  }
  const manifests = await Promise.all(stored)
  if (reused > 0) logger.info({ reused, chunks: manifests.length }, 'finished chunks were reused')
  return manifests
}

/** Whether the source ended in this chunk: it has fewer segments than planned. */
export function endsIn(chunk: Chunk, plan: Plan, manifest: Pick<ChunkManifest, 'tracks'>): boolean {
  const top = plan.ladder[0]
  const segments = top ? (manifest.tracks[top.name]?.segments.length ?? 0) : 0
  return !chunk.last && segments < chunk.segments
}

/**
 * Every audio rendition: from the bucket, or encoded now, all at the same time. Without pictures the bar is theirs.
 */
export async function walkSounds(
  encoding: EncodeContext,
  present: Present,
  { reporter }: Pick<VideoContext, 'reporter'>,
): Promise<AudioManifest[]> {
  const { plan, ledger, signal } = encoding
  const sounds = soundRenditions(plan)
  const done = sounds.map(() => 0)
  const move = (index: number, fraction: number) => {
    done[index] = fraction
    if (!plan.facts.video)
      reporter.move('transcoding', done.reduce((sum, each) => sum + each, 0) / done.length)
  }
  return Promise.all(
    sounds.map(async (sound, index) => {
      const found = present.size > 0 ? await ledger.readAudio(plan, index, present, signal) : undefined
      return found ?? encodeAudio(encoding, sound, index, (fraction) => move(index, fraction))
    }),
  )
}

/**
 * Makes the sound once more, as long as the pictures are, where those ended elsewhere than their packets said (damaged
 * ones do not decode). Resolves to all of it.
 */
export async function fitSounds(
  encoding: EncodeContext,
  chunks: readonly ChunkManifest[],
  audio: readonly AudioManifest[],
): Promise<AudioManifest[]> {
  const { plan, logger } = encoding
  const { drifting, seconds } = driftingSounds(plan, chunks, audio)
  if (!plan.facts.video || seconds === 0 || drifting.length === 0) return [...audio]
  logger.warn({ planned: plan.facts.seconds, seconds }, 'the pictures end elsewhere: the sound is made anew')
  const sounds = soundRenditions(plan)
  const fitted = new Map<number, AudioManifest>()
  for (const { index } of drifting)
    fitted.set(index, await encodeAudio(encoding, sounds[index]!, index, () => {}, seconds))
  return audio.map((manifest) => fitted.get(manifest.index) ?? manifest)
}
