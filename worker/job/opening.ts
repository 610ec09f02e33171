import type { Config } from '../../shared/config.ts'
import { asWorkerError, WorkerError } from '../../shared/errors.ts'
import type { Storage, StoredObject } from '../../shared/storage.ts'
import { deadline, monotonicMs } from '../../shared/time.ts'
import { type Ledger, openLedger } from '../chunk/ledger.ts'
import { fencedStorage } from './fenced-storage.ts'
import type { SourceHandle } from './source.ts'
import { createUploader, type Uploader } from './upload.ts'
import type { VideoContext, VideoPorts, VideoSpec } from './video.ts'
import type { RunContext } from './work.ts'

/** A source that can be read, a folder that can be written, and the ledger of the job. */
export interface OpenVideo {
  readonly context: VideoContext
  readonly object: StoredObject
  readonly source: SourceHandle
  readonly uploader: Uploader
  readonly ledger: Ledger
  /** Runs a stage under its deadline and times it; the encodes have stall limits of their own instead. */
  stage<T>(name: string, body: (signal: AbortSignal) => Promise<T>): Promise<T>
}

/**
 * Opens what an attempt needs, runs it, and leaves nothing on scratch. name: of the attempt's scratch folder; share:
 * the part of the source that may have to lie there.
 */
export async function withVideo<T>(
  spec: VideoSpec,
  ports: VideoPorts,
  run: RunContext,
  body: (opened: OpenVideo) => Promise<T>,
  { name = spec.jobId, share = 1 }: { name?: string; share?: number } = {},
): Promise<T> {
  const { config, metrics } = ports
  const { signal, reporter } = run
  const storage = fencedStorage(ports.storage, run.checkLease)
  const stage = stages(ports, run)
  reporter.move('presigning')
  const object = await stage('head', () => lookAtSource(spec, storage, config, signal))
  const folder = await ports.scratch.jobDir(name, Math.ceil(object.bytes * share))
  const { dir } = folder
  const uploader = createUploader(storage, {
    concurrency: config.upload.maxConcurrency,
    signal,
    // A 1080p segment is about 4 MiB; more in memory than the slots upload at once helps nobody.
    memoryBytes: 16 * 2 ** 20,
    onRetry: () => metrics.upload_retries_total.inc(),
  })
  uploader.onFailure((error) => run.stop(asWorkerError(error)))
  reporter.move('downloading')
  let source: SourceHandle | undefined
  try {
    source = ports.sources.open({
      ...{ key: spec.sourceKey, bytes: object.bytes, etag: object.etag, dir, signal },
      onBytes(bytes) {
        metrics.bytes_downloaded_total.inc(bytes)
        folder.arrived(bytes)
        ports.onBytesMoved(bytes)
      },
      onFailure: run.stop,
    })
    const ledger = openLedger(storage, spec.folder)
    return await body({
      context: { ...ports, ...run, storage, dir },
      object,
      source,
      uploader,
      ledger,
      stage,
    })
  } finally {
    metrics.bytes_uploaded_total.inc(uploader.stats().bytes)
    metrics.source_retries_total.inc(source?.stats().retries ?? 0)
    // A clean-up that fails changes nothing about how the attempt ended.
    const quietly = (error: unknown) => run.logger.warn({ err: error }, 'scratch was not cleaned up')
    await uploader.abort().catch(quietly)
    await source?.close().catch(quietly)
    await folder.remove().catch(quietly)
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
