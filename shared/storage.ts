import type { Readable } from 'node:stream'
import {
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
} from '@aws-sdk/client-s3'
import type { Config } from './config.ts'
import { WorkerError } from './errors.ts'
import { createAttempt, readExactly } from './storage-attempt.ts'
import { createS3Client, defaultStallMs, writeLimitMs } from './storage-client.ts'
import { createBatchDeletion, deleteBatch, inBatches } from './storage-delete.ts'
import { createBodyCheck, md5 } from './storage-digest.ts'
import { readFailure } from './storage-errors.ts'
import {
  type FileUpload,
  fileBytes,
  multipartFromBytes,
  putFileInParts,
  putFileWhole,
} from './storage-files.ts'

export interface StoredObject {
  key: string
  bytes: number
  /** As the bucket gives it, without quotes. */
  etag: string
  /** When it was written, milliseconds since 1970 by the bucket's clock. */
  modified: number
}

export interface PutOptions {
  contentType: string
  cacheControl?: string
  signal: AbortSignal
  /** Write only if there is no object under the key yet (If-None-Match: *). */
  onlyIfAbsent?: boolean
}

/**
 * The bucket. Every call retries network faults, stalls, 429 and 5xx with full jitter (6 tries, up to half a
 * minute in all) and then throws WorkerError: `storage_unavailable` (the world's fault), `storage_denied` (401, 403,
 * 507, no such bucket), `storage_refused` (other client errors), and where it applies `input_missing` (404) or `input_changed` (412). An abort throws
 * the signal's reason. Keys are without R2_PREFIX on both sides.
 */
export interface Storage {
  /** `undefined` if there is no such object. */
  head(key: string, signal: AbortSignal): Promise<StoredObject | undefined>
  /** Bytes `start` to `end`, both inclusive, all of them; `etag` pins the version. A whole object is checked by its ETag. */
  getRange(
    key: string,
    range: { start: number; end: number },
    options: { etag?: string; signal: AbortSignal },
  ): Promise<Buffer>
  /** The whole object as UTF-8, checked by its ETag; `undefined` if there is none. */
  getText(key: string, signal: AbortSignal): Promise<string | undefined>
  /** Content-MD5 sent. Resolves `exists` when `onlyIfAbsent` and something else is there already. */
  put(key: string, body: Buffer | string, options: PutOptions): Promise<'stored' | 'exists'>
  /** A file of any size, never whole in memory: one PUT up to 64 MiB, equal parts above. */
  putFile(key: string, path: string, options: PutOptions): Promise<void>
  /** All objects under the prefix in the order of their keys; those behind `after`, `page` (1000) in a request. */
  list(
    prefix: string,
    signal: AbortSignal,
    options?: { after?: string; page?: number },
  ): AsyncGenerator<StoredObject>
  /** In batches of 1000, each key's own error read and retried; throws with the keys left in `details.keys`. */
  deleteKeys(keys: string[], signal: AbortSignal): Promise<void>
  /** Everything under a prefix that names a folder; resolves the number of objects removed. */
  deletePrefix(prefix: string, signal: AbortSignal): Promise<number>
  close(): void
}

export interface StorageHooks {
  /** Told before each wait for another try. */
  onRetry?(): void
  /** Silence after which a try is given up, ms. */
  stallMs?: number
  /** Seconds; the waits between tries. */
  backoff?: { base: number; cap: number }
}

const tries = 6

export function openStorage(r2: Config['r2'], hooks: StorageHooks = {}): Storage {
  const { stallMs = defaultStallMs, backoff = { base: 0.5, cap: 10 } } = hooks
  // Own retry round single tries, so that one place counts them and an abort ends a wait at once.
  // The request limit is for 64 MiB: our own, tighter one ends small requests earlier.
  const requestMs = writeLimitMs(multipartFromBytes, stallMs)
  const client = createS3Client(r2, { maxSockets: 64, requestMs })
  const target = (key: string) => ({ Bucket: r2.bucket, Key: r2.prefix + key })

  const attempt = createAttempt({ tries, backoff, onRetry: hooks.onRetry })

  const storage: Storage = {
    head: (key, signal) =>
      attempt('look up', key, signal, stallMs, async (abortSignal) => {
        try {
          const found = await client.send(new HeadObjectCommand(target(key)), { abortSignal })
          return {
            ...{ key, bytes: found.ContentLength ?? 0, etag: unquote(found.ETag) },
            modified: found.LastModified?.getTime() ?? 0,
          }
        } catch (error) {
          if (readFailure(error).status === 404) return undefined
          throw error
        }
      }),

    getRange: (key, { start, end }, { etag, signal }) => {
      const check = createBodyCheck()
      return attempt('read', key, signal, stallMs, async (abortSignal, alive) => {
        const input = { ...target(key), Range: `bytes=${start}-${end}` }
        const pinned = etag === undefined ? input : { ...input, IfMatch: `"${etag}"` }
        const answer = await client.send(new GetObjectCommand(pinned), { abortSignal })
        const body = await readExactly(answer.Body as Readable, end - start + 1, abortSignal, alive)
        // Of a part of an object nothing tells whether it came as it is: source-digest.ts looks at the whole.
        if (answer.ContentRange === `bytes 0-${end}/${end + 1}`) check(body, unquote(answer.ETag))
        return body
      })
    },

    getText: (key, signal) => {
      const check = createBodyCheck()
      return attempt('read', key, signal, stallMs, async (abortSignal, alive) => {
        try {
          const answer = await client.send(new GetObjectCommand(target(key)), { abortSignal })
          const bytes = answer.ContentLength ?? 0
          const body = await readExactly(answer.Body as Readable, bytes, abortSignal, alive)
          check(body, unquote(answer.ETag))
          return body.toString('utf8')
        } catch (error) {
          if (readFailure(error).status === 404) return undefined
          throw error
        }
      })
    },

    put: (key, body, options) => {
      const bytes = Buffer.from(body)
      const limitMs = writeLimitMs(bytes.length, stallMs)
      return attempt('write', key, options.signal, limitMs, async (abortSignal, _alive, n) => {
        try {
          await client.send(new PutObjectCommand({ ...describe(key, options), Body: bytes }), { abortSignal })
          return 'stored'
        } catch (error) {
          if (!options.onlyIfAbsent || readFailure(error).status !== 412) throw error
          // A second try may meet what the first one wrote when only its answer was lost.
          const mine = n > 1 && (await storage.head(key, options.signal))?.etag === md5(bytes)
          return mine ? 'stored' : 'exists'
        }
      })
    },

    async putFile(key, path, options) {
      const bytes = await fileBytes(path)
      const upload: FileUpload = {
        path,
        bytes,
        target: describe(key, options),
        signal: options.signal,
        stallMs,
      }
      if (bytes > multipartFromBytes) await putFileInParts(client, attempt, upload)
      else await putFileWhole(client, attempt, upload)
    },

    async *list(prefix, signal, { after, page: MaxKeys } = {}) {
      const StartAfter = after === undefined ? undefined : r2.prefix + after
      for (let token: string | undefined; ; ) {
        const start = { ContinuationToken: token, StartAfter, MaxKeys }
        const input = { Bucket: r2.bucket, Prefix: r2.prefix + prefix, ...start }
        const page = await attempt('list', prefix, signal, stallMs, (abortSignal) =>
          client.send(new ListObjectsV2Command(input), { abortSignal }),
        )
        for (const item of page.Contents ?? []) {
          const key = (item.Key ?? '').slice(r2.prefix.length)
          yield {
            key,
            bytes: item.Size ?? 0,
            etag: unquote(item.ETag),
            modified: item.LastModified?.getTime() ?? 0,
          }
        }
        token = page.IsTruncated ? page.NextContinuationToken : undefined
        if (token === undefined) return
      }
    },

    async deleteKeys(keys, signal) {
      for (let at = 0; at < keys.length; at += deleteBatch) {
        const batch = keys.slice(at, at + deleteBatch)
        const deletion = createBatchDeletion(client, r2, batch)
        await attempt('delete', `${batch.length} keys`, signal, stallMs, deletion)
      }
    },

    async deletePrefix(prefix, signal) {
      // '' would empty the bucket, and 'tenants/1' would take tenant 12 along.
      if (!prefix.endsWith('/') || prefix === '/')
        throw new WorkerError('internal', `Refused to delete under "${prefix}": not a folder`)
      let count = 0
      for await (const batch of inBatches(storage.list(prefix, signal))) {
        await storage.deleteKeys(batch, signal)
        count += batch.length
      }
      return count
    },

    close() {
      client.destroy()
    },
  }
  return storage

  function describe(key: string, options: PutOptions) {
    return {
      ...target(key),
      ContentType: options.contentType,
      ...(options.cacheControl === undefined ? {} : { CacheControl: options.cacheControl }),
      ...(options.onlyIfAbsent ? { IfNoneMatch: '*' } : {}),
    }
  }
}

function unquote(etag: string | undefined): string {
  return (etag ?? '').replace(/^"|"$/g, '')
}
