/** The queue behind an Uploader (upload.ts): what is sent when, what is held in memory, what a failure ends. */
import { statSync } from 'node:fs'
import { unlink } from 'node:fs/promises'
import { withSignal } from '../../shared/abort.ts'
import { retry } from '../../shared/backoff.ts'
import { WorkerError } from '../../shared/errors.ts'
import { cacheControlOf, contentTypeOf } from '../../shared/keys.ts'
import type { Storage } from '../../shared/storage.ts'
import { readMade } from './made-files.ts'
import type { Uploader, UploaderOptions, UploadItem, UploadStats } from './upload.ts'

const mebibyte = 1024 * 1024

/**
 * Three rounds of storage's own six tries, up to 15 s apart: a bucket that is away for a minute costs a pause of the
 * encoder, not the job. Longer, and the message is better back in the queue.
 */
const defaultRetry = { tries: 3, base: 5, cap: 15 }

const defaults = {
  memoryBytes: 32 * mebibyte,
  highBytes: 256 * mebibyte,
  lowBytes: 128 * mebibyte,
  retry: defaultRetry,
}

export class FileUploader implements Uploader {
  readonly #storage: Storage
  readonly #options: UploaderOptions & Required<Pick<UploaderOptions, keyof typeof defaults>>
  readonly #controller = new AbortController()
  readonly #queue: (UploadItem & { size: number })[] = []
  readonly #running = new Set<Promise<unknown>>()
  readonly #waiters = new Set<{ resolve(): void; reject(reason: unknown): void }>()
  readonly #pressureListeners: ((high: boolean) => void)[] = []
  readonly #failureListeners: ((error: unknown) => void)[] = []
  readonly #onAbort = (): void => this.#stop(this.#options.signal.reason)
  #active = 0
  #inMemory = 0
  #pending = 0
  #high = false
  #stats = { objects: 0, bytes: 0, retries: 0 }

  constructor(storage: Storage, options: UploaderOptions) {
    this.#storage = storage
    this.#options = { ...defaults, ...options }
    if (options.signal.aborted) this.#onAbort()
    else options.signal.addEventListener('abort', this.#onAbort, { once: true })
  }

  add(item: UploadItem): void {
    if (this.#controller.signal.aborted) return
    const size = item.bytes ?? statSync(item.path, { throwIfNoEntry: false })?.size
    if (size === undefined) {
      this.#fail(new WorkerError('output_invalid', `The file for ${item.key} is not there`))
      return
    }
    this.#queue.push({ ...item, size })
    this.#changePending(size)
    this.#startNext()
  }

  addBuffer(item: {
    body: Buffer | string
    key: string
    onlyIfAbsent?: boolean
  }): Promise<'stored' | 'exists'> {
    const { body, key, onlyIfAbsent = false } = item
    return this.#track(
      this.#patiently(key, async () => {
        const outcome = await this.#storage.put(key, body, { ...this.#putOptions(key), onlyIfAbsent })
        if (outcome === 'stored') this.#count(Buffer.byteLength(body))
        return outcome
      }),
    )
  }

  pendingBytes(): number {
    return this.#pending
  }

  onPressure(listener: (high: boolean) => void): void {
    this.#pressureListeners.push(listener)
  }

  onFailure(listener: (error: unknown) => void): void {
    this.#failureListeners.push(listener)
  }

  async drained(signal: AbortSignal): Promise<void> {
    this.#controller.signal.throwIfAborted()
    if (this.#active === 0 && this.#queue.length === 0) return
    const waiter = Promise.withResolvers<void>()
    this.#waiters.add(waiter)
    try {
      await withSignal(waiter.promise, signal)
    } finally {
      this.#waiters.delete(waiter)
    }
  }

  stats(): UploadStats {
    return { ...this.#stats }
  }

  async abort(): Promise<void> {
    this.#options.signal.removeEventListener('abort', this.#onAbort)
    this.#stop(new WorkerError('internal', 'The uploads were ended'))
    await Promise.allSettled(this.#running)
  }

  #startNext(): void {
    while (this.#active < this.#options.concurrency) {
      const item = this.#queue[0]
      if (!item || this.#controller.signal.aborted) return
      const memory = Math.min(item.size, this.#options.memoryBytes)
      if (this.#inMemory > 0 && this.#inMemory + memory > this.#options.memoryBytes) return
      this.#queue.shift()
      this.#active++
      this.#inMemory += memory
      void this.#track(this.#upload(item)).then(
        () => this.#finished(item.size, memory),
        (error) => this.#fail(error),
      )
    }
  }

  #finished(size: number, memory: number): void {
    if (this.#controller.signal.aborted) return
    this.#active--
    this.#inMemory -= memory
    this.#changePending(-size)
    this.#startNext()
    if (this.#active > 0 || this.#queue.length > 0) return
    for (const waiter of this.#waiters) waiter.resolve()
  }

  async #upload({
    path,
    key,
    size,
    bytes,
    removeAfter,
    onDone,
  }: UploadItem & { size: number }): Promise<void> {
    if (size > this.#options.memoryBytes) {
      await this.#patiently(key, () => this.#storage.putFile(key, path, this.#putOptions(key)))
    } else {
      const body = await readMade(path)
      if (bytes !== undefined && body.length !== bytes) {
        throw new WorkerError(
          'output_invalid',
          `The file for ${key} has ${body.length} bytes instead of ${bytes}`,
        )
      }
      await this.#patiently(key, () => this.#storage.put(key, body, this.#putOptions(key)))
    }
    this.#count(size)
    if (removeAfter) await unlink(path)
    onDone?.(size)
  }

  #patiently<T>(key: string, put: () => Promise<T>): Promise<T> {
    return retry(put, {
      ...this.#options.retry,
      signal: this.#controller.signal,
      retryIf: (error) => error instanceof WorkerError && error.code === 'storage_unavailable',
      onRetry: (error) => {
        this.#stats.retries++
        this.#options.onRetry?.(error, key)
      },
    })
  }

  #putOptions(key: string) {
    return {
      contentType: contentTypeOf(key),
      cacheControl: cacheControlOf(key),
      signal: this.#controller.signal,
    }
  }

  #count(bytes: number): void {
    this.#stats.objects++
    this.#stats.bytes += bytes
  }

  #track<T>(work: Promise<T>): Promise<T> {
    this.#running.add(work)
    const done = (): void => void this.#running.delete(work)
    work.then(done, done)
    return work
  }

  #changePending(by: number): void {
    this.#pending += by
    const high = this.#high ? this.#pending > this.#options.lowBytes : this.#pending > this.#options.highBytes
    if (high === this.#high) return
    this.#high = high
    for (const listener of this.#pressureListeners) listener(high)
  }

  /** The first failure ends all the rest: the job cannot be published any more, so it should end soon. */
  #fail(error: unknown): void {
    const first = !this.#controller.signal.aborted
    this.#stop(error)
    if (first) for (const listener of this.#failureListeners) listener(error)
  }

  #stop(reason: unknown): void {
    if (this.#controller.signal.aborted) return
    this.#queue.length = 0
    this.#controller.abort(reason)
    for (const waiter of this.#waiters) waiter.reject(reason)
    // Nobody stays paused because of a queue that is gone.
    this.#changePending(-this.#pending)
  }
}
