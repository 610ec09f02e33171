import { AbortMultipartUploadCommand, ListMultipartUploadsCommand } from '@aws-sdk/client-s3'
import type { Config } from './config.ts'
import { createAttempt } from './storage-attempt.ts'
import { createS3Client, defaultStallMs } from './storage-client.ts'
import { readFailure } from './storage-errors.ts'

/** A multipart upload that was begun and neither completed nor aborted. */
export interface OpenUpload {
  /** Without R2_PREFIX. */
  readonly key: string
  readonly uploadId: string
  /** Milliseconds since 1970 by the bucket's clock. */
  readonly begun: number
}

/** The bucket's open multipart uploads. Errors and retries are those of Storage (storage.ts). */
export interface UploadList {
  list(prefix: string, signal: AbortSignal): AsyncGenerator<OpenUpload>
  /** Removes the parts; one that is gone already is no error. */
  abort(upload: Pick<OpenUpload, 'key' | 'uploadId'>, signal: AbortSignal): Promise<void>
  close(): void
}

const tries = 6
const backoff = { base: 0.5, cap: 10 }

export function openUploadList(r2: Config['r2']): UploadList {
  const client = createS3Client(r2, { maxSockets: 4, requestMs: defaultStallMs })
  const attempt = createAttempt({ tries, backoff })

  return {
    async *list(prefix, signal) {
      for (let marker: { KeyMarker?: string; UploadIdMarker?: string } = {}; ; ) {
        const command = new ListMultipartUploadsCommand({
          ...{ Bucket: r2.bucket, Prefix: r2.prefix + prefix, ...marker },
        })
        const page = await attempt('list uploads under', prefix, signal, defaultStallMs, (abortSignal) =>
          client.send(command, { abortSignal }),
        )
        for (const { Key = '', UploadId, Initiated } of page.Uploads ?? []) {
          // Without its id or its time nothing can be said about it.
          if (UploadId === undefined || Initiated === undefined) continue
          yield { key: Key.slice(r2.prefix.length), uploadId: UploadId, begun: Initiated.getTime() }
        }
        if (!page.IsTruncated || page.NextKeyMarker === undefined) return
        marker = { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker ?? '' }
      }
    },

    async abort({ key, uploadId }, signal) {
      const command = new AbortMultipartUploadCommand({
        ...{ Bucket: r2.bucket, Key: r2.prefix + key, UploadId: uploadId },
      })
      await attempt('abort the upload of', key, signal, defaultStallMs, async (abortSignal) => {
        try {
          await client.send(command, { abortSignal })
        } catch (error) {
          if (readFailure(error).status !== 404) throw error
        }
      })
    },

    close: () => client.destroy(),
  }
}
