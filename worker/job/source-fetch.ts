/**
 * Decides which cells of a source are fetched, and when. Every cell is fetched at most once, whoever asks;
 * a reader that waits comes before any read-ahead; a reader that has read little gets little ahead, so that a
 * probe of a 100 GB file costs kilobytes and a long sequential read gets large requests.
 */
import type { BlockCache } from './source-cache.ts'
import { cellBytes } from './source-cache.ts'

export interface FetchLimits {
  /** Requests to the bucket at the same time; one of them is kept free for a reader that waits. */
  readonly concurrency: number
  /** Largest request in bytes. `concurrency` x this is what is in memory at most. */
  readonly requestBytes: number
  /** How far ahead of a reader bytes are fetched at most; they wait on disk, not in memory. */
  readonly aheadBytes: number
}

/**
 * 4 x 2 MiB fill 40 to 80 MB/s at the 100 to 200 ms a first byte may take from R2, more than any encoder eats;
 * 16 MiB ahead are seconds of video, so that one slow answer is not noticed.
 */
export const defaultFetchLimits: FetchLimits = {
  concurrency: 4,
  requestBytes: 2 * 1024 * 1024,
  aheadBytes: 16 * 1024 * 1024,
}

/**
 * What the kernel takes on a loopback connection although nobody reads it (3.5 MiB measured, with the usual
 * tcp_wmem of 4 MiB): served, but no sign of appetite. ffmpeg leaves several such connections when it seeks.
 */
const unreadBytes = 4 * 1024 * 1024

/** One sequential read: an open request of ffmpeg. */
export interface Reader {
  /** Waits until at least one byte at the reader's position is in the cache. Rejects with why it never will be. */
  ready(): Promise<void>
  /** Tells that `bytes` were read at the position. */
  moved(bytes: number): void
  position(): number
  close(): void
}

interface ReaderState {
  position: number
  end: number
  served: number
  waiting: { resolve(): void; reject(error: unknown): void } | undefined
}

export class Fetcher {
  readonly #cache: BlockCache
  readonly #limits: FetchLimits
  readonly #load: (start: number, end: number) => Promise<Buffer>
  readonly #onFailure: (error: unknown) => void
  readonly #readers = new Set<ReaderState>()
  readonly #inFlight = new Set<number>()
  readonly #running = new Set<Promise<void>>()
  #stopped: { reason: unknown } | undefined

  /** `load` gets the inclusive byte range from the bucket; its first rejection ends everything. */
  constructor(options: {
    cache: BlockCache
    limits: FetchLimits
    load: (start: number, end: number) => Promise<Buffer>
    onFailure: (error: unknown) => void
  }) {
    this.#cache = options.cache
    this.#limits = options.limits
    this.#load = options.load
    this.#onFailure = options.onFailure
  }

  /** A reader of the inclusive range. Nothing is fetched behind its end. */
  reader(start: number, end: number): Reader {
    const state: ReaderState = { position: start, end, served: 0, waiting: undefined }
    this.#readers.add(state)
    return {
      ready: () => this.#ready(state),
      moved: (bytes) => {
        state.position += bytes
        state.served += bytes
        this.#pump()
      },
      position: () => state.position,
      close: () => {
        this.#readers.delete(state)
        state.waiting?.reject(new Error('The reader was closed'))
        state.waiting = undefined
      },
    }
  }

  /** Refuses everything from now on with `reason`; the first reason stays. */
  stop(reason: unknown): void {
    this.#stopped ??= { reason }
    for (const reader of this.#readers) {
      reader.waiting?.reject(this.#stopped.reason)
      reader.waiting = undefined
    }
  }

  /** Resolves when no request and no write is under way; call stop() before. */
  async idle(): Promise<void> {
    await Promise.all(this.#running)
  }

  async #ready(reader: ReaderState): Promise<void> {
    while (!this.#cache.has(cellOf(reader.position))) {
      if (this.#stopped) throw this.#stopped.reason
      await new Promise<void>((resolve, reject) => {
        reader.waiting = { resolve, reject }
        this.#pump()
      })
    }
    if (this.#stopped) throw this.#stopped.reason
  }

  #pump(): void {
    if (this.#stopped) return
    for (const reader of this.#readers) {
      if (this.#running.size >= this.#limits.concurrency) return
      const cell = cellOf(reader.position)
      if (reader.waiting && this.#missing(cell)) this.#start(cell, reader)
    }
    for (const reader of this.#readers) {
      const last = cellOf(Math.min(reader.end, reader.position + this.#ahead(reader)))
      for (let cell = cellOf(reader.position); cell <= last; cell++) {
        if (this.#running.size >= Math.max(1, this.#limits.concurrency - 1)) return
        if (this.#missing(cell)) this.#start(cell, reader)
      }
    }
  }

  /** Twice what the reader has surely read, between two cells and the limit: it grows with proven appetite. */
  #ahead(reader: ReaderState): number {
    return Math.min(this.#limits.aheadBytes, Math.max(2 * cellBytes, 2 * (reader.served - unreadBytes)))
  }

  /** One request for the missing cells from `first` on: half of what the reader was given, in whole cells. */
  #start(first: number, reader: ReaderState): void {
    const most = Math.max(1, Math.floor(Math.min(this.#limits.requestBytes, reader.served / 2) / cellBytes))
    const last = Math.min(cellOf(reader.end), first + most - 1)
    let cell = first
    for (; cell <= last && this.#missing(cell); cell++) this.#inFlight.add(cell)
    const run = this.#fetch(first, cell - 1).finally(() => {
      this.#running.delete(run)
      this.#pump()
    })
    this.#running.add(run)
  }

  async #fetch(first: number, last: number): Promise<void> {
    try {
      const end = Math.min((last + 1) * cellBytes, this.#cache.bytes) - 1
      await this.#cache.write(first, await this.#load(first * cellBytes, end))
    } catch (error) {
      if (!this.#stopped) this.#onFailure(error)
      this.stop(error)
    } finally {
      for (let cell = first; cell <= last; cell++) this.#inFlight.delete(cell)
    }
    for (const reader of this.#readers) {
      const cell = cellOf(reader.position)
      if (!reader.waiting || cell < first || cell > last) continue
      reader.waiting.resolve()
      reader.waiting = undefined
    }
  }

  #missing(cell: number): boolean {
    return !this.#cache.has(cell) && !this.#inFlight.has(cell)
  }
}

function cellOf(position: number): number {
  return Math.floor(position / cellBytes)
}
