/** Stands in for worker/job/source.ts: no port, since nobody but the models reads. Ranges come through the real storage. */
import { asWorkerError, type WorkerError } from '../../../shared/errors.ts'
import type { Storage } from '../../../shared/storage.ts'
import type * as Real from '../../../worker/job/source.ts'

export function openSources(storage: Storage): Real.SourceServer {
  return {
    port: 0,
    open({ key, bytes, etag, signal, onFailure }) {
      let failure: WorkerError | undefined
      return {
        url: '',
        async read(start, end) {
          try {
            return await storage.getRange(key, { start, end: Math.min(end, bytes - 1) }, { etag, signal })
          } catch (error) {
            signal.throwIfAborted()
            failure ??= asWorkerError(error)
            onFailure?.(failure)
            throw failure
          }
        },
        stats: () => ({ fetchedBytes: bytes, servedBytes: bytes, retries: 0 }),
        waitedMs: () => 0,
        failure: () => failure,
        judge: async () => 'same' as const,
        readsSame: async () => true,
        async close() {},
      }
    },
    async close() {},
  }
}
