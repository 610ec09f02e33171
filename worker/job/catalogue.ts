import type { VideoKey } from '../../shared/api-keys.ts'
import { WorkerError } from '../../shared/errors.ts'
import { catalogueRoot, catalogueThumbnailKey, jobFolder, workFolder } from '../../shared/keys.ts'
import type { Logger } from '../../shared/logger.ts'
import type { CatalogueMessage } from '../../shared/messages.ts'
import { createFanOut } from './fan-out.ts'
import { removeFolder, sweepFolder } from './sweep.ts'
import { type TranscodePorts, wholeSeconds } from './transcode.ts'
import { removeOlderVersions } from './versions.ts'
import { isPublished, packageVideo, type VideoResult, type VideoSpec } from './video.ts'
import type { VideoWork } from './work.ts'

/** The poster comes from here, or from the middle of a shorter video: contract.md section 5. */
const posterSeconds = 5

/** A film of the catalogue, started by its upload: contract.md section 5. It stands in no backlog. */
export function catalogueWork(message: CatalogueMessage, body: string, ports: TranscodePorts): VideoWork {
  const { api, storage, config } = ports
  const { jobId, slug, title, fileKey } = message
  const content = { title, description: `Uploaded video: ${slug}`, jobId }
  const shared = { identity: { jobId }, body, group: 'catalogue' }
  let logger: Logger | undefined
  let known = message.contentId
  let key: Promise<VideoKey> | undefined

  /** Without an id in the key the API gives one (the same to all who ask); without an API, the slug is it. */
  async function contentId(signal: AbortSignal): Promise<string> {
    known ??= (await api.createContent(content, signal)) ?? slug
    return known
  }
  const folderOf = (id: string) => jobFolder(catalogueRoot(id), jobId)

  async function spec(signal: AbortSignal): Promise<VideoSpec> {
    const id = await contentId(signal)
    const posterKey = catalogueThumbnailKey(id, slug)
    return {
      ...{ jobId, sourceKey: fileKey, folder: folderOf(id), posterKey, posterSeconds, posterNeeded: true },
      askKey: (signal) => {
        key ??= videoKey(id, signal)
        return key
      },
    }
  }

  async function videoKey(id: string, signal: AbortSignal): Promise<VideoKey> {
    const given = await api.contentVideoKey(id, jobId, signal)
    if (given) return given
    throw new WorkerError(
      'key_unavailable',
      'CATALOG_API_BASE or INTERNAL_TOKEN is not set: nobody has a key',
    )
  }

  async function complete(video: VideoResult, signal: AbortSignal): Promise<'accepted' | 'gone'> {
    const id = await contentId(signal)
    const uri = (key: string) => `s3://${config.r2.bucket}/${config.r2.prefix}${key}`
    const answer = await api.upsertContent(id, content, signal)
    if (answer === 'skipped')
      logger?.warn('CATALOG_API_BASE or INTERNAL_TOKEN is not set: the catalogue is not told')
    if (answer !== 'accepted') return answer === 'gone' ? 'gone' : 'accepted'
    const asset = await api.addVideoAsset(
      id,
      {
        video_url: uri(fileKey),
        thumbnail_url: uri(video.posterKey ?? ''),
        hls_url: uri(video.masterKey),
        duration: wholeSeconds(video),
      },
      signal,
    )
    return asset === 'gone' ? 'gone' : 'accepted'
  }

  return {
    ...shared,
    kind: 'catalogue',
    labels: { job: jobId, content: message.contentId ?? '', slug },
    spec,
    async run(run) {
      logger = run.logger
      return packageVideo(await spec(run.signal), ports, run, createFanOut(shared, ports))
    },
    complete,
    // The catalogue has no endpoint for failures: the log has the reason, and the DLQ what was given up.
    fail: async () => 'accepted',
    async removeOutput(error, signal) {
      // Without an id nothing was written yet.
      if (known === undefined) return
      await removeFolder(folderOf(known), error, storage, signal)
    },
    isPublished: async (signal) => isPublished(await spec(signal), storage, signal),
    async sweep(state, signal) {
      // The catalogue is not asked for an id for a job that came to nothing.
      if (state !== 'done' && known === undefined) return
      await sweepFolder(await spec(signal), state, storage, signal, complete)
    },
    async tidy(result, signal) {
      const id = await contentId(signal)
      const folder = folderOf(id)
      await storage.deletePrefix(workFolder(folder), signal)
      if (!logger) throw new WorkerError('internal', 'tidy before run')
      await removeOlderVersions(storage, catalogueRoot(id), folder, config.hls.keepVersions, {
        signal,
        logger,
      })
      logger.info({ bytes: result.video.bytes, seconds: result.video.seconds }, 'published')
    },
    status: () => ({}),
  }
}
