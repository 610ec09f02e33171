/** Whether the bytes that a job worked on are those that the bucket holds: a damaged read looks like any other. */
import { createHash } from 'node:crypto'
import { type BlockCache, cellBytes } from './source-cache.ts'

/** The MD5 of a source, taken from its cache while that fills: little is left to do when the last cell has come. */
export class SourceDigest {
  readonly #cache: BlockCache
  readonly #hash = createHash('md5')
  readonly #buffer = Buffer.allocUnsafeSlow(cellBytes)
  #next = 0
  #running: Promise<void> | undefined

  constructor(cache: BlockCache) {
    this.#cache = cache
  }

  /** Goes on over what has arrived without a gap. */
  advance(): void {
    this.#running ??= this.#walk()
      // Only a cache that is being closed cannot be read.
      .catch(() => {})
      .finally(() => {
        this.#running = undefined
      })
  }

  /** Lower-case hex; undefined when something is missing. To be asked once. */
  async whole(): Promise<string | undefined> {
    await this.#running
    await this.#walk()
    return this.#next * cellBytes >= this.#cache.bytes ? this.#hash.digest('hex') : undefined
  }

  async #walk(): Promise<void> {
    while (this.#cache.has(this.#next)) {
      const position = this.#next * cellBytes
      const length = Math.min(cellBytes, this.#cache.bytes - position)
      await this.#cache.read(this.#buffer, 0, position, length)
      this.#hash.update(this.#buffer.subarray(0, length))
      this.#next += 1
    }
  }
}

/** A stretch of a source; both ends inclusive. */
export interface Stretch {
  readonly start: number
  readonly end: number
}

/** What of a source is there, or what is missing, in stretches of at most `most` bytes. */
export function stretches(cache: BlockCache, there: boolean, most: number): Stretch[] {
  const found: { start: number; end: number }[] = []
  for (let cell = 0; cell * cellBytes < cache.bytes; cell++) {
    if (cache.has(cell) !== there) continue
    const start = cell * cellBytes
    const end = Math.min(start + cellBytes, cache.bytes) - 1
    const last = found.at(-1)
    if (last && last.end + 1 === start && end - last.start < most) last.end = end
    else found.push({ start, end })
  }
  return found
}

/** As many from both ends as `most` bytes hold: where files keep what says how to read the rest. */
export function outermost(all: readonly Stretch[], most: number): Stretch[] {
  const chosen: Stretch[] = []
  let left = most
  for (let low = 0, high = all.length - 1, turn = 0; low <= high; turn++) {
    const next = turn % 2 === 0 ? all[low++]! : all[high--]!
    left -= next.end - next.start + 1
    if (left < 0) break
    chosen.push(next)
  }
  return chosen
}
