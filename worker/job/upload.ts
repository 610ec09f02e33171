/**
 * Sends finished files to the bucket while the next ones are encoded: a queue on disk, a bounded number of
 * requests, a bounded number of bytes in memory. When the bucket is slower than the encoder the queue grows;
 * past a high-water mark the encoder is told to pause, and to go on when the queue is short again.
 */
import type { Storage } from '../../shared/storage.ts'
import { FileUploader } from './upload-queue.ts'

export interface UploadItem {
  /** A closed file: nobody writes to it any more. */
  readonly path: string
  readonly key: string
  /** Its size, if known; a file that turns out to have another one is output_invalid. */
  readonly bytes?: number
  /** Removes the file once it is stored. */
  readonly removeAfter?: boolean
  /** Called when the object is stored, with its size. What it throws fails the uploads. */
  onDone?(bytes: number): void
}

export interface Uploader {
  /** Queues a file. A problem with it comes out of drained(), as the upload's own. Ignored once stopped. */
  add(item: UploadItem): void
  /**
   * Stores a small body at once, past the queue. 'exists' (only with onlyIfAbsent) may also mean that an earlier
   * try of this very call did arrive although its answer was lost.
   */
  addBuffer(item: {
    body: Buffer | string
    key: string
    onlyIfAbsent?: boolean
  }): Promise<'stored' | 'exists'>
  /** Bytes queued or under way. */
  pendingBytes(): number
  /** Called with true when the queue grows past the high-water mark, with false when it is short again. */
  onPressure(listener: (high: boolean) => void): void
  /** Called once with the first failure; the encoder may be paused by pressure just then. */
  onFailure(listener: (error: unknown) => void): void
  /** Resolves when everything added so far is stored; rejects with the first failure, or the signal's reason. */
  drained(signal: AbortSignal): Promise<void>
  stats(): UploadStats
  /** Ends what is under way and waits for its end. Safe to call at any time, never rejects. */
  abort(): Promise<void>
}

export interface UploadStats {
  readonly objects: number
  readonly bytes: number
  /** Uploads begun anew here, on top of the tries that storage makes itself. */
  readonly retries: number
}

export interface UploaderOptions {
  /** Requests at the same time. */
  readonly concurrency: number
  /** Ends everything when aborted; drained() and addBuffer() then reject with its reason. */
  readonly signal: AbortSignal
  /** Bytes of file bodies in memory at most; a larger file goes alone and is streamed. */
  readonly memoryBytes?: number
  readonly highBytes?: number
  readonly lowBytes?: number
  /** How often an upload is begun before it has failed, and the seconds between. */
  readonly retry?: { readonly tries: number; readonly base: number; readonly cap: number }
  onRetry?(error: unknown, key: string): void
}

/** An uploader for one job. Content type and Cache-Control follow from the key (shared/keys.ts). */
export function createUploader(storage: Storage, options: UploaderOptions): Uploader {
  return new FileUploader(storage, options)
}
