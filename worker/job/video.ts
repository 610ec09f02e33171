import { rm } from 'node:fs/promises'
import type { Config } from '../../shared/config.ts'
import { asWorkerError, WorkerError } from '../../shared/errors.ts'
import { cacheControlOf, contentTypeOf, masterKey } from '../../shared/keys.ts'
import type { Metrics } from '../../shared/metrics.ts'
import type { Storage, StoredObject } from '../../shared/storage.ts'
import { deadline, monotonicMs } from '../../shared/time.ts'
import { openLedger, type Plan } from '../chunk/ledger.ts'
import type { ToolHost } from '../media/host.ts'
import type { Profile } from '../media/profile.ts'
import { planJob } from './plan.ts'
import { type Assembled, assemble, checkPresent, playlists } from './publish.ts'
import type { SourceServer } from './source.ts'
import { makeStoryboard, makeThumbnail } from './thumbnails.ts'
import { createUploader } from './upload.ts'
import { audioPart, encodeContext, walkChunks } from './walk.ts'
import type { RunContext } from './work.ts'
import type { Scratch } from './workdir.ts'

/** What is to be made of which object. Keys are without R2_PREFIX. */
export interface VideoSpec {
  readonly jobId: string
  readonly sourceKey: string
  /** Everything this job writes lies under it; ends with a slash. */
  readonly folder: string
  readonly profile?: string | undefined
  readonly posterKey: string
  /** Where the poster should come from, in seconds; else where the video shows something. */
  readonly posterSeconds?: number
}

export interface VideoPorts {
  readonly config: Config
  readonly storage: Storage
  readonly sources: SourceServer
  readonly scratch: Scratch
  readonly host: ToolHost
  readonly metrics: Metrics
  readonly profiles: ReadonlyMap<string, Profile>
}

export interface VideoContext extends VideoPorts, RunContext {
  /** Scratch folder of this attempt. */
  readonly dir: string
}

export interface VideoResult {
  readonly plan: Plan
  readonly video: Assembled
  readonly masterKey: string
  readonly posterKey: string
  readonly storyboardKey: string | undefined
  /** Wall seconds of all encodes, other attempts' included. */
  readonly encodeSeconds: number
}

/**
 * The story of one video, top to bottom: look at the source, plan, encode while reading and uploading, judge what
 * is in the bucket, publish in order. The API hears of it from settle, after this has returned.
 */
export async function packageVideo(
  spec: VideoSpec,
  ports: VideoPorts,
  run: RunContext,
): Promise<VideoResult> {
  const { storage, config, metrics } = ports
  const { signal, reporter } = run
  const stage = stages(ports, run)

  reporter.move('presigning')
  const object = await stage('head', () => lookAtSource(spec, storage, config, signal))
  const dir = await ports.scratch.jobDir(spec.jobId, object.bytes)
  const context: VideoContext = { ...ports, ...run, dir }
  const uploader = createUploader(storage, {
    concurrency: config.upload.maxConcurrency,
    signal,
    onRetry: () => metrics.upload_retries_total.inc(),
  })
  uploader.onFailure((error) => run.stop(asWorkerError(error)))
  const source = ports.sources.open({
    ...{ key: spec.sourceKey, bytes: object.bytes, etag: object.etag, dir, signal },
    onBytes: (bytes) => metrics.bytes_downloaded_total.inc(bytes),
    onFailure: run.stop,
  })
  try {
    reporter.move('downloading')
    const ledger = openLedger(storage, spec.folder)
    reporter.move('probing')
    const { plan, resumed } = await stage('plan', () => planJob(spec, object, source, ledger, context))
    const present = resumed ? await ledger.present(signal) : new Map<string, number>()
    const encoding = encodeContext(context, spec, plan, ledger, source, uploader)

    const [chunks, audio, poster] = await together(run, [
      walkChunks(encoding, present, context),
      Promise.all(plan.facts.audio.map((track, position) => audioPart(encoding, track, position, present))),
      makeThumbnail(spec, plan, source, context),
    ])
    await uploader.drained(signal)

    reporter.move('validating')
    const video = await stage('verify', async () => {
      checkPresent(chunks, audio, await ledger.present(signal))
      return assemble(plan, chunks, audio)
    })
    reporter.move('thumbnail')
    const storyboard = makeStoryboard(plan, chunks)

    reporter.move('uploading')
    await stage('publish', async (limit) => {
      await lookAgain(spec, storage, limit)
      const texts = playlists(video)
      const master = texts.pop()!
      const media = storyboard ? [...texts, storyboard] : texts
      const put = (key: string, body: Buffer | string) =>
        storage.put(key, body, {
          contentType: contentTypeOf(key),
          cacheControl: cacheControlOf(key),
          signal: limit,
        })
      await Promise.all([
        put(spec.posterKey, poster),
        ...media.map(({ name, text }) => put(spec.folder + name, text)),
      ])
      await put(spec.folder + master.name, master.text)
    })
    const stats = uploader.stats()
    metrics.bytes_uploaded_total.inc(stats.bytes)
    metrics.source_retries_total.inc(source.stats().retries)
    const encodeSeconds = [...chunks, ...audio].reduce((sum, part) => sum + part.encodeSeconds, 0)
    return {
      ...{ plan, video, masterKey: masterKey(spec.folder), posterKey: spec.posterKey, encodeSeconds },
      storyboardKey: storyboard && spec.folder + storyboard.name,
    }
  } finally {
    await uploader.abort()
    await source.close()
    await rm(dir, { recursive: true, force: true })
  }
}

/** The source as it is now. Throws input_missing (retried: the message may be older than the object), input_empty, input_too_large. */
async function lookAtSource(
  spec: VideoSpec,
  storage: Storage,
  config: Config,
  signal: AbortSignal,
): Promise<StoredObject> {
  const object = await storage.head(spec.sourceKey, signal)
  if (!object) throw new WorkerError('input_missing', `there is no object ${spec.sourceKey}`)
  if (object.bytes === 0) throw new WorkerError('input_empty', 'the file has 0 bytes')
  const { maxBytes } = config.limits
  if (maxBytes > 0 && object.bytes > maxBytes)
    throw new WorkerError('input_too_large', `the file has ${object.bytes} bytes, the limit is ${maxBytes}`)
  return object
}

/** A video that was deleted during its encode must not leave its files behind: look before anything is published. */
async function lookAgain(spec: VideoSpec, storage: Storage, signal: AbortSignal): Promise<void> {
  if (await storage.head(spec.sourceKey, signal)) return
  throw new WorkerError('video_deleted', 'the source was deleted while the video was being processed')
}

/**
 * Waits for all parts; whichever fails first stops the others, and its reason is the job's. Resolves or rejects
 * only when every part has ended, so that nothing runs on behind the job's back.
 */
async function together<T extends readonly unknown[]>(
  run: RunContext,
  parts: { [K in keyof T]: Promise<T[K]> },
): Promise<T> {
  const ended = await Promise.allSettled(
    parts.map((part) =>
      part.catch((error: unknown) => {
        run.stop(asWorkerError(error))
        throw error
      }),
    ),
  )
  const failed = ended.find((end) => end.status === 'rejected')
  if (failed) throw failed.reason
  return ended.map((end) => (end.status === 'fulfilled' ? end.value : undefined)) as unknown as T
}

/** Runs a stage under its deadline and times it; the encodes have stall limits of their own instead. */
function stages({ config, metrics }: VideoPorts, run: RunContext) {
  return async <T>(name: string, body: (signal: AbortSignal) => Promise<T>): Promise<T> => {
    const started = monotonicMs()
    const seconds = config.stall.stageSeconds
    using limit = deadline(seconds * 1000, run.signal, () => {
      return new WorkerError('stage_timeout', `${name} did not end within ${seconds} s`)
    })
    limit.signal.addEventListener('abort', () => run.stop(asWorkerError(limit.signal.reason)), { once: true })
    try {
      return await body(limit.signal)
    } finally {
      const took = (monotonicMs() - started) / 1000
      metrics.stage_seconds.observe({ stage: name }, took)
      run.logger.info({ stage: name, seconds: Number(took.toFixed(2)) }, 'stage ended')
    }
  }
}
