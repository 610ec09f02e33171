import type { Api } from '../../shared/api.ts'
import { WorkerError } from '../../shared/errors.ts'
import { catalogueRoot, catalogueThumbnailKey, jobFolder } from '../../shared/keys.ts'
import type { CatalogueMessage } from '../../shared/messages.ts'
import { wholeSeconds } from './transcode.ts'
import { removeOlderVersions } from './versions.ts'
import { packageVideo, type VideoPorts, type VideoResult } from './video.ts'
import type { Work } from './work.ts'

/** The poster comes from here, or from the middle of a shorter video: contract.md section 5. */
const posterSeconds = 5

interface CatalogueResult {
  readonly video: VideoResult
  readonly contentId: string
}

/** A film of the catalogue, started by its upload: contract.md section 5. It stands in no backlog. */
export function catalogueWork(
  message: CatalogueMessage,
  ports: VideoPorts & { api: Api },
): Work<CatalogueResult> {
  const { api, storage, config } = ports
  const { jobId, slug, title, fileKey } = message
  const content = { title, description: `Uploaded video: ${slug}`, jobId }
  const folders = new Set<string>()
  let logger: Parameters<typeof removeOlderVersions>[4]['logger'] | undefined

  const place = (contentId: string) => {
    const folder = jobFolder(catalogueRoot(contentId), jobId)
    folders.add(folder)
    return { folder, posterKey: catalogueThumbnailKey(contentId, slug) }
  }
  if (message.contentId !== undefined) place(message.contentId)

  return {
    kind: 'catalogue',
    identity: { jobId },
    labels: { job: jobId, content: message.contentId ?? '', slug },
    async run(run) {
      logger = run.logger
      // Without an id in the key the API gives one, and every output is named after it; without an API, the slug is.
      const contentId = message.contentId ?? (await api.createContent(content, run.signal)) ?? slug
      const { folder, posterKey } = place(contentId)
      const video = await packageVideo(
        { jobId, sourceKey: fileKey, folder, posterKey, posterSeconds },
        ports,
        run,
      )
      return { video, contentId }
    },
    async complete({ video, contentId }, signal) {
      const uri = (key: string) => `s3://${config.r2.bucket}/${config.r2.prefix}${key}`
      const answer = await api.upsertContent(contentId, content, signal)
      if (answer === 'skipped')
        logger?.warn('CATALOG_API_BASE or INTERNAL_TOKEN is not set: the catalogue is not told')
      if (answer !== 'accepted') return answer === 'gone' ? 'gone' : 'accepted'
      const asset = await api.addVideoAsset(
        contentId,
        {
          video_url: uri(fileKey),
          thumbnail_url: uri(video.posterKey),
          hls_url: uri(video.masterKey),
          duration: wholeSeconds(video),
        },
        signal,
      )
      return asset === 'gone' ? 'gone' : 'accepted'
    },
    // The catalogue has no endpoint for failures; the DLQ and the log have the reason.
    fail: async () => 'accepted',
    async removeOutput(signal) {
      for (const folder of folders) await storage.deletePrefix(folder, signal)
    },
    async tidy({ video, contentId }, signal) {
      const { folder } = place(contentId)
      await storage.deletePrefix(`${folder}.work/`, signal)
      if (!logger) throw new WorkerError('internal', 'tidy before run')
      await removeOlderVersions(storage, catalogueRoot(contentId), folder, config.hls.keepVersions, {
        signal,
        logger,
      })
      logger.info({ bytes: video.video.bytes, seconds: video.video.seconds }, 'published')
    },
    status: () => ({}),
  }
}
