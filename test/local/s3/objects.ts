import { createHash, randomUUID } from 'node:crypto'
import { mkdirSync, openSync, renameSync, rmdirSync, rmSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { S3Error } from './errors.ts'

export interface ObjectMeta {
  readonly contentType: string
  /** cache-control, content-disposition, content-encoding, content-language, expires, x-amz-meta-*. */
  readonly headers: Readonly<Record<string, string>>
  readonly checksums: Readonly<Record<string, string>>
}

export interface StoredEntry extends ObjectMeta {
  readonly key: string
  readonly bytes: number
  /** Without quotes. */
  readonly etag: string
  readonly modified: Date
  readonly path: string
}

/**
 * The objects of one bucket: an index in memory, the bytes as files under `dir`, named like their keys so
 * that a person can look at them. Committing and opening are synchronous, so a reader sees either the whole
 * old object or the whole new one, and conditional writes cannot race.
 */
export class ObjectTable {
  readonly dir: string
  /** Half-written bodies; on the same file system as the objects, so that a commit is one rename. */
  readonly incoming: string
  readonly #entries = new Map<string, StoredEntry>()
  #sorted: string[] | undefined

  constructor(dir: string, incoming: string) {
    this.dir = dir
    this.incoming = incoming
    mkdirSync(dir, { recursive: true })
    mkdirSync(incoming, { recursive: true })
  }

  newFile(): string {
    return join(this.incoming, randomUUID())
  }

  get(key: string): StoredEntry | undefined {
    return this.#entries.get(key)
  }

  /** Makes a finished file the object under `key`, if `condition` (If-None-Match, If-Match) still holds. */
  commit(
    key: string,
    file: { path: string; bytes: number; etag: string },
    meta: ObjectMeta,
    condition: (existing: StoredEntry | undefined) => void,
  ): StoredEntry {
    const existing = this.#entries.get(key)
    try {
      condition(existing)
    } catch (error) {
      rmSync(file.path, { force: true })
      throw error
    }
    const path = existing?.path ?? this.#choosePath(key)
    mkdirSync(dirname(path), { recursive: true })
    renameSync(file.path, path)
    const entry = { ...meta, key, bytes: file.bytes, etag: file.etag, modified: new Date(), path }
    this.#entries.set(key, entry)
    // In its place, and not sorted anew for the next listing: there may be a hundred thousand.
    if (!existing) this.#sorted?.splice(this.#placeOf(key), 0, key)
    return entry
  }

  /** An open descriptor and the entry that it belongs to; the caller closes it. */
  open(key: string): { entry: StoredEntry; fd: number } {
    const entry = this.#entries.get(key)
    if (!entry) throw new S3Error('NoSuchKey', 'The specified key does not exist.')
    return { entry, fd: openSync(entry.path, 'r') }
  }

  delete(key: string): void {
    const entry = this.#entries.get(key)
    if (!entry) return
    this.#entries.delete(key)
    this.#sorted?.splice(this.#placeOf(key), 1)
    rmSync(entry.path, { force: true })
    // Buckets have no folders: leave none behind for the person who looks at the files.
    for (let dir = dirname(entry.path); dir !== this.dir; dir = dirname(dir)) {
      try {
        rmdirSync(dir)
      } catch {
        return
      }
    }
  }

  /** Entries after `after` in UTF-8 order of their keys, as S3 lists them. */
  *list(prefix: string, after: string): Generator<StoredEntry> {
    this.#sorted ??= [...this.#entries.keys()].sort(compareKeys)
    const begin = compareKeys(after, prefix) < 0 ? prefix : after
    let place = this.#placeOf(begin)
    if (after !== '' && this.#sorted[place] === after) place++
    // A copy of what the prefix names: between two steps of the caller objects may come and go.
    const keys: string[] = []
    for (; this.#sorted[place]?.startsWith(prefix); place++) keys.push(this.#sorted[place]!)
    for (const key of keys) {
      const entry = this.#entries.get(key)
      if (entry) yield entry
    }
  }

  /** Where a key stands among the sorted ones, or would. */
  #placeOf(key: string): number {
    const keys = this.#sorted!
    let low = 0
    for (let high = keys.length; low < high; ) {
      const middle = (low + high) >> 1
      if (compareKeys(keys[middle]!, key) < 0) low = middle + 1
      else high = middle
    }
    return low
  }

  get size(): number {
    return this.#entries.size
  }

  #choosePath(key: string): string {
    const segments = key.split('/')
    const plain = segments.every(
      (part) => /^[^\0]+$/.test(part) && !/^\.{1,2}$/.test(part) && bytesOf(part) < 200,
    )
    const path = join(this.dir, ...segments)
    if (plain && bytesOf(path) < 3000 && this.#isFree(path, segments.length)) return path
    return join(this.dir, '.odd-keys', createHash('sha1').update(key).digest('hex'))
  }

  /** Keys `a` and `a/b` may both exist, files cannot: the later one gets an odd name. */
  #isFree(path: string, depth: number): boolean {
    try {
      if (statSync(path, { throwIfNoEntry: false })) return false
      let dir = dirname(path)
      for (let level = 1; level < depth; level++, dir = dirname(dir)) {
        const stat = statSync(dir, { throwIfNoEntry: false })
        if (stat && !stat.isDirectory()) return false
      }
      return true
    } catch {
      // ENOTDIR: a file stands where a folder is needed.
      return false
    }
  }
}

function compareKeys(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

function bytesOf(text: string): number {
  return Buffer.byteLength(text)
}
