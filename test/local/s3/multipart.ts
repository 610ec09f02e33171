import { createHash, randomUUID } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import type { Received } from './body.ts'
import { S3Error } from './errors.ts'
import type { ObjectMeta, ObjectTable, StoredEntry } from './objects.ts'

const minPartBytes = 5 * 1024 ** 2
const maxPartNumber = 10_000

export interface Part extends Received {
  readonly number: number
  readonly modified: Date
}

export interface Upload {
  readonly id: string
  readonly key: string
  readonly meta: ObjectMeta
  readonly started: Date
  readonly parts: Map<number, Part>
}

/** Multipart uploads in the making. Rules of S3, and of R2 where it is stricter: parts of equal size. */
export class UploadTable {
  readonly #uploads = new Map<string, Upload>()

  start(key: string, meta: ObjectMeta): Upload {
    const upload = { id: randomUUID(), key, meta, started: new Date(), parts: new Map<number, Part>() }
    this.#uploads.set(upload.id, upload)
    return upload
  }

  find(id: string, key: string): Upload {
    const upload = this.#uploads.get(id)
    if (upload?.key !== key) throw new S3Error('NoSuchUpload', 'The specified upload does not exist.')
    return upload
  }

  all(): Upload[] {
    return [...this.#uploads.values()]
  }

  async addPart(id: string, key: string, number: number, received: Received): Promise<void> {
    try {
      if (!Number.isInteger(number) || number < 1 || number > maxPartNumber)
        throw new S3Error('InvalidArgument', `Part number must be an integer between 1 and ${maxPartNumber}`)
      // Looked up after the body: the upload may have been aborted while the part was on its way.
      const { parts } = this.find(id, key)
      const previous = parts.get(number)
      parts.set(number, { ...received, number, modified: new Date() })
      if (previous) await rm(previous.path, { force: true })
    } catch (error) {
      await rm(received.path, { force: true })
      throw error
    }
  }

  async complete(
    table: ObjectTable,
    upload: Upload,
    listed: readonly { number: number; etag: string }[],
    condition: (existing: StoredEntry | undefined) => void,
  ): Promise<StoredEntry> {
    const parts = chooseParts(upload, listed)
    condition(table.get(upload.key))
    const path = table.newFile()
    try {
      for (const part of parts) {
        await pipeline(createReadStream(part.path), createWriteStream(path, { flags: 'a' }))
      }
    } catch (error) {
      await rm(path, { force: true })
      throw error
    }
    const digests = parts.map((part) => Buffer.from(part.md5, 'hex'))
    const etag = `${createHash('md5').update(Buffer.concat(digests)).digest('hex')}-${parts.length}`
    const bytes = parts.reduce((sum, part) => sum + part.bytes, 0)
    const entry = table.commit(upload.key, { path, bytes, etag }, upload.meta, condition)
    await this.remove(upload)
    return entry
  }

  async remove(upload: Upload): Promise<void> {
    this.#uploads.delete(upload.id)
    await Promise.all([...upload.parts.values()].map((part) => rm(part.path, { force: true })))
  }
}

function chooseParts(upload: Upload, listed: readonly { number: number; etag: string }[]): Part[] {
  if (listed.length === 0) throw new S3Error('MalformedXML', 'The list of parts is empty')
  if (listed.some((part, index) => part.number <= (listed[index - 1]?.number ?? 0)))
    throw new S3Error('InvalidPartOrder', 'The list of parts was not in ascending order')
  const parts = listed.map(({ number, etag }) => {
    const part = upload.parts.get(number)
    if (part?.md5 !== etag) throw new S3Error('InvalidPart', `Part ${number} could not be found`)
    return part
  })
  for (const [index, part] of parts.entries()) {
    const last = index === parts.length - 1
    if (!last && part.bytes < minPartBytes)
      throw new S3Error('EntityTooSmall', 'A part but the last is smaller than 5 MiB')
    // R2: "All non-trailing parts must have the same length"; S3 itself does not mind.
    if ((!last && part.bytes !== parts[0]!.bytes) || part.bytes > parts[0]!.bytes)
      throw new S3Error('InvalidPart', 'All non-trailing parts must have the same length')
  }
  return parts
}
