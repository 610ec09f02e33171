/** One open source: the cache, the requests to the bucket that fill it, the connections that it feeds. */

import { createHash } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { type Backoff, retry } from '../../shared/backoff.ts'
import { asWorkerError, WorkerError } from '../../shared/errors.ts'
import type { Storage } from '../../shared/storage.ts'
import { isMd5 } from '../../shared/storage-digest.ts'
import { deadline, monotonicMs } from '../../shared/time.ts'
import type { SourceInput, SourceStats } from './source.ts'
import { BlockCache } from './source-cache.ts'
import { outermost, SourceDigest, type Stretch, stretches } from './source-digest.ts'
import { Fetcher, type FetchLimits } from './source-fetch.ts'
import type { Served } from './source-http.ts'

export interface HandleLimits {
  readonly fetch: FetchLimits
  readonly patienceMs: number
  readonly backoff: Backoff
}

/** read() is for a look at the head of a file, not for its body: that goes through the URL. */
const readLimit = 16 * 1024 * 1024
/** One read of those that look whether the bucket still says the same. */
const lookBytes = 2 * 1024 * 1024
/** What no tool has read of a source is fetched up to here, so that all of it can be judged. */
const mostMissing = 16 * 1024 * 1024
/** Bytes that are read once more before a file is called bad. */
const mostAgain = 64 * 1024 * 1024

export class OpenSource {
  readonly #storage: Storage
  readonly #input: SourceInput
  readonly #limits: HandleLimits
  readonly #cache: BlockCache
  readonly #fetcher: Fetcher
  readonly #digest: SourceDigest | undefined
  readonly #controller = new AbortController()
  readonly #responses = new Set<ServerResponse>()
  readonly #onAbort = (): void => this.#stop(this.#input.signal.reason)
  /** When each request that is under way began, oldest first. */
  readonly #asked = new Set<{ readonly sinceMs: number }>()
  #fetchedBytes = 0
  #servedBytes = 0
  #retries = 0
  #failure: WorkerError | undefined

  constructor(storage: Storage, input: SourceInput, limits: HandleLimits) {
    this.#storage = storage
    this.#input = input
    this.#limits = limits
    this.#cache = new BlockCache(input.dir, input.bytes)
    this.#digest = isMd5(input.etag) ? new SourceDigest(this.#cache) : undefined
    this.#fetcher = new Fetcher({
      cache: this.#cache,
      limits: limits.fetch,
      load: (start, end) => this.#load(start, end),
      onFailure: (error) => this.#fail(error),
    })
    if (input.signal.aborted) this.#onAbort()
    else input.signal.addEventListener('abort', this.#onAbort, { once: true })
  }

  /** What a response is made of. The response is broken off when the source fails or is closed. */
  attach(response: ServerResponse): Served {
    this.#responses.add(response)
    response.once('close', () => this.#responses.delete(response))
    return {
      cache: this.#cache,
      fetcher: this.#fetcher,
      onServed: (bytes) => {
        this.#servedBytes += bytes
      },
    }
  }

  async read(start: number, end: number): Promise<Buffer> {
    const last = Math.min(end, this.#input.bytes - 1)
    const length = Math.max(0, last - start + 1)
    if (length > readLimit) {
      throw new WorkerError('internal', `A look at ${length} bytes of the source is over ${readLimit}`)
    }
    const target = Buffer.alloc(length)
    if (length === 0) return target
    const reader = this.#fetcher.reader(start, last)
    try {
      while (reader.position() <= last) {
        await reader.ready()
        const there = this.#cache.available(reader.position(), last - reader.position() + 1)
        await this.#cache.read(target, reader.position() - start, reader.position(), there)
        reader.moved(there)
      }
      return target
    } finally {
      reader.close()
    }
  }

  stats(): SourceStats {
    return { fetchedBytes: this.#fetchedBytes, servedBytes: this.#servedBytes, retries: this.#retries }
  }

  waitedMs(): number {
    const [oldest] = this.#asked
    return oldest ? monotonicMs() - oldest.sinceMs : 0
  }

  failure(): WorkerError | undefined {
    return this.#failure
  }

  async judge(): Promise<'same' | 'garbled' | 'unknown'> {
    const missing = stretches(this.#cache, false, lookBytes)
    const digest = this.#digest
    if (!digest || missing.reduce((sum, { start, end }) => sum + end - start + 1, 0) > mostMissing)
      return 'unknown'
    for (const { start, end } of missing) await this.read(start, end)
    if ((await digest.whole()) === this.#input.etag) return 'same'
    // An ETag need not be an MD5: a second reading decides who is right.
    const hash = createHash('md5')
    for (let start = 0; start < this.#input.bytes; start += lookBytes)
      hash.update(await this.#load(start, Math.min(start + lookBytes, this.#input.bytes) - 1))
    return hash.digest('hex') === this.#input.etag ? 'garbled' : 'unknown'
  }

  async readsSame(): Promise<boolean> {
    const there = outermost(stretches(this.#cache, true, lookBytes), mostAgain)
    for (const stretch of there) if (!(await this.#readsSame(stretch))) return false
    return true
  }

  async #readsSame({ start, end }: Stretch): Promise<boolean> {
    const before = Buffer.allocUnsafe(end - start + 1)
    await this.#cache.read(before, 0, start, before.length)
    return before.equals(await this.#load(start, end))
  }

  async close(): Promise<void> {
    this.#input.signal.removeEventListener('abort', this.#onAbort)
    this.#stop(new WorkerError('internal', 'The source was closed'))
    await this.#fetcher.idle()
    await this.#cache.close()
  }

  /** One range from the bucket, begun anew as long as the bucket is away and patience lasts. */
  async #load(start: number, end: number): Promise<Buffer> {
    const { key, etag } = this.#input
    const { patienceMs, backoff } = this.#limits
    let cause: unknown
    // It is also a signal of its own for each range: the handle's lives for hours and thousands of requests.
    using limit = deadline(patienceMs, this.#controller.signal, () => {
      const message = `Bytes ${start}-${end} of the source did not arrive within ${patienceMs / 1000} s`
      return new WorkerError('storage_unavailable', message, { cause })
    })
    const { signal } = limit
    const asked = { sinceMs: monotonicMs() }
    this.#asked.add(asked)
    const body = await retry(() => this.#storage.getRange(key, { start, end }, { etag, signal }), {
      ...backoff,
      tries: Number.POSITIVE_INFINITY,
      signal,
      retryIf: (error) => error instanceof WorkerError && error.code === 'storage_unavailable',
      onRetry: (error) => {
        cause = error
        this.#retries++
      },
    }).finally(() => this.#asked.delete(asked))
    this.#fetchedBytes += body.length
    this.#digest?.advance()
    this.#input.onBytes?.(body.length)
    return body
  }

  #fail(error: unknown): void {
    this.#failure = asWorkerError(error)
    this.#stop(this.#failure)
    this.#input.onFailure?.(this.#failure)
  }

  #stop(reason: unknown): void {
    if (!this.#controller.signal.aborted) this.#controller.abort(reason)
    this.#fetcher.stop(reason)
    for (const response of this.#responses) {
      // One that has sent nothing yet is answered with an error by source-http.ts, in its own words.
      if (response.headersSent) response.destroy()
    }
  }
}
