/**
 * A bucket in a folder, for tests of what stands on Storage: the same interface, real bytes, and a hook that
 * runs before each call and may wait or throw in its place.
 */
import { createHash, randomUUID } from 'node:crypto'
import { copyFile, mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { WorkerError } from '../../../shared/errors.ts'
import type { PutOptions, Storage, StoredObject } from '../../../shared/storage.ts'

export interface Call {
  readonly name: 'getRange' | 'put' | 'putFile'
  readonly key: string
  readonly range?: { start: number; end: number }
  readonly options?: PutOptions
  readonly signal: AbortSignal
}

export class FileStorage implements Storage {
  readonly calls: Call[] = []
  /** Runs before each call of `calls`, after it was noted. */
  before: (call: Call) => Promise<void> | void = () => {}
  readonly #dir: string

  constructor(dir: string) {
    this.#dir = dir
  }

  async head(key: string): Promise<StoredObject | undefined> {
    const info = await stat(join(this.#dir, key)).catch(() => undefined)
    return info && { key, bytes: info.size, etag: etagOf(info), modified: info.mtimeMs }
  }

  async getRange(
    key: string,
    range: { start: number; end: number },
    { etag, signal }: { etag?: string; signal: AbortSignal },
  ): Promise<Buffer> {
    await this.#note({ name: 'getRange', key, range, signal })
    const file = await open(join(this.#dir, key)).catch(() => {
      throw new WorkerError('input_missing', `There is no ${key}`)
    })
    try {
      if (etag !== undefined && etagOf(await file.stat()) !== etag) {
        throw new WorkerError('input_changed', `${key} was replaced`)
      }
      const body = Buffer.allocUnsafeSlow(range.end - range.start + 1)
      const { bytesRead } = await file.read(body, 0, body.length, range.start)
      return body.subarray(0, bytesRead)
    } finally {
      await file.close()
    }
  }

  async getText(key: string): Promise<string | undefined> {
    return readFile(join(this.#dir, key), 'utf8').catch(() => undefined)
  }

  async put(key: string, body: Buffer | string, options: PutOptions): Promise<'stored' | 'exists'> {
    await this.#note({ name: 'put', key, options, signal: options.signal })
    if (options.onlyIfAbsent && (await this.head(key))) return 'exists'
    await this.#store(key, (path) => writeFile(path, body))
    return 'stored'
  }

  async putFile(key: string, path: string, options: PutOptions): Promise<void> {
    await this.#note({ name: 'putFile', key, options, signal: options.signal })
    await this.#store(key, (target) => copyFile(path, target))
  }

  async *list(prefix: string): AsyncGenerator<StoredObject> {
    for (const entry of await readdir(this.#dir, { recursive: true, withFileTypes: true })) {
      const key = relative(this.#dir, join(entry.parentPath, entry.name))
      const object = entry.isFile() && key.startsWith(prefix) ? await this.head(key) : undefined
      if (object) yield object
    }
  }

  async deleteKeys(keys: string[]): Promise<void> {
    for (const key of keys) await rm(join(this.#dir, key), { force: true })
  }

  async deletePrefix(prefix: string): Promise<number> {
    const keys: string[] = []
    for await (const { key } of this.list(prefix)) keys.push(key)
    await this.deleteKeys(keys)
    return keys.length
  }

  close(): void {}

  async #note(call: Call): Promise<void> {
    this.calls.push(call)
    call.signal.throwIfAborted()
    await this.before(call)
    call.signal.throwIfAborted()
  }

  /** Under another name first, so that a reader sees the old object or the new one and nothing between. */
  async #store(key: string, write: (path: string) => Promise<void>): Promise<void> {
    const path = join(this.#dir, key)
    await mkdir(dirname(path), { recursive: true })
    const draft = join(dirname(path), `.${randomUUID()}`)
    await write(draft)
    await rename(draft, path)
  }
}

function etagOf(info: { ino: number; size: number; mtimeMs: number }): string {
  return `"${createHash('md5').update(`${info.ino}:${info.size}:${info.mtimeMs}`).digest('hex')}"`
}
