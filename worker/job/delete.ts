import { WorkerError } from '../../shared/errors.ts'
import type { DeleteMessage } from '../../shared/messages.ts'
import type { Storage } from '../../shared/storage.ts'
import { sourceKeys } from './sidecars.ts'
import type { Work } from './work.ts'

/** Removes a deleted video's raw object, the subtitles beside it, and everything under its prefix; done only when nothing is left. */
export function deleteWork(message: DeleteMessage, ports: { storage: Storage }): Work<number> {
  const { storage } = ports
  const { jobId, tenantId, videoId, fileKey, hlsPrefix } = message

  return {
    kind: 'delete',
    identity: { jobId, backlogTenant: tenantId },
    labels: { job: jobId, video: videoId, tenant: tenantId },
    async run({ signal, logger }) {
      // The source first: a transcode of the same video that still runs sees it gone before it publishes.
      await storage.deleteKeys(await sourceKeys(fileKey, storage, signal), signal)
      const removed = await storage.deletePrefix(hlsPrefix, signal)
      for await (const { key } of storage.list(hlsPrefix, signal)) {
        throw new WorkerError('storage_unavailable', `${key} was written while the video was being deleted`)
      }
      logger.info({ objects: removed, prefix: hlsPrefix }, 'deleted')
      return removed
    },
    // The product knows that it deleted the video; nobody waits for a callback.
    complete: async () => 'accepted',
    fail: async () => 'accepted',
    removeOutput: async () => {},
    tidy: async () => {},
    status: () => ({}),
  }
}
