/**
 * The bytes of one source that have arrived so far: a sparse file on the scratch disk, divided into cells,
 * and one bit a cell that says whether it is there. Reads and writes go through the page cache, so a byte
 * that ffmpeg reads soon after it arrived costs no disk access.
 */
import { randomUUID } from 'node:crypto'
import { close, constants, openSync, read, unlinkSync, write } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { WorkerError } from '../../shared/errors.ts'

/** Bytes of a cell. 256 KiB: what a demuxer needs for a first look; the bits of a 5 TiB file take 2.5 MB. */
export const cellBytes = 256 * 1024

// Bare descriptors and not FileHandle: half the work per call, and a handle that can be opened at once.
const readAt = promisify(read)
const writeAt = promisify(write)
const closeFile = promisify(close)

export class BlockCache {
  readonly bytes: number
  readonly #fd: number
  readonly #present: Uint8Array
  readonly #busy = new Set<Promise<unknown>>()
  #closed: Promise<void> | undefined

  /**
   * Creates the file in `dir` and unlinks it at once: the disk space is given back when the cache is closed,
   * and also when the process is killed, so no sweep has to know about it. Throws scratch_full.
   */
  constructor(dir: string, bytes: number) {
    const path = join(dir, `source-${randomUUID()}.cache`)
    try {
      this.#fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o600)
      unlinkSync(path)
    } catch (error) {
      throw scratchError('The source cache could not be created on the scratch disk', error)
    }
    this.bytes = bytes
    this.#present = new Uint8Array(Math.ceil(bytes / cellBytes / 8))
  }

  has(cell: number): boolean {
    return ((this.#present[cell >> 3] ?? 0) & (1 << (cell & 7))) !== 0
  }

  /** How many bytes are there from `position` on without a gap; looks no further than `limit` bytes. */
  available(position: number, limit: number): number {
    const end = Math.min(this.bytes, position + limit)
    let cell = Math.floor(position / cellBytes)
    while (cell * cellBytes < end && this.has(cell)) cell++
    return Math.max(0, Math.min(end, cell * cellBytes) - position)
  }

  /** Stores whole cells; `data` begins at the first byte of `firstCell`. Throws scratch_full. */
  async write(firstCell: number, data: Buffer): Promise<void> {
    const start = firstCell * cellBytes
    try {
      for (let done = 0; done < data.length; ) {
        const { bytesWritten } = await this.#use(() =>
          writeAt(this.#fd, data, done, data.length - done, start + done),
        )
        done += bytesWritten
      }
    } catch (error) {
      throw scratchError('The source could not be written to the scratch disk', error)
    }
    for (let cell = firstCell; cell * cellBytes < start + data.length; cell++) {
      this.#present[cell >> 3]! |= 1 << (cell & 7)
    }
  }

  /** Reads `length` bytes from `position` on, which available() said are there, to `offset` in `target`. */
  async read(target: Buffer, offset: number, position: number, length: number): Promise<void> {
    for (let done = 0; done < length; ) {
      const { bytesRead } = await this.#use(() =>
        readAt(this.#fd, target, offset + done, length - done, position + done),
      )
      if (bytesRead === 0)
        throw new WorkerError('internal', `The source cache ends at byte ${position + done}`)
      done += bytesRead
    }
  }

  /** Gives the disk space back, after the reads and writes under way: a closed descriptor may be another file. */
  close(): Promise<void> {
    this.#closed ??= Promise.allSettled(this.#busy).then(() => closeFile(this.#fd))
    return this.#closed
  }

  async #use<T>(operation: () => Promise<T>): Promise<T> {
    if (this.#closed) throw new WorkerError('internal', 'The source cache is closed')
    const running = operation()
    this.#busy.add(running)
    try {
      return await running
    } finally {
      this.#busy.delete(running)
    }
  }
}

function scratchError(message: string, cause: unknown): WorkerError {
  const errno = (cause as NodeJS.ErrnoException).code ?? 'no errno'
  const full = errno === 'ENOSPC' || errno === 'EDQUOT' || errno === 'EFBIG'
  return new WorkerError(full ? 'scratch_full' : 'internal', `${message} (${errno})`, { cause })
}
