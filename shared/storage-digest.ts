import { createHash } from 'node:crypto'
import { WorkerError } from './errors.ts'

/** Of an object that was written in one piece R2's and S3's ETag is its MD5; of others it is something else. */
const plainMd5 = /^[0-9a-f]{32}$/

/** Whether an ETag (without quotes) may be the MD5 of its object. */
export function isMd5(etag: string): boolean {
  return plainMd5.test(etag)
}

/** Lower-case hex, as an ETag has it. */
export function md5(bytes: Buffer): string {
  return createHash('md5').update(bytes).digest('hex')
}

/**
 * Judges the whole body of an object by its ETag (without quotes), try by try of one request: throws a transient
 * error when it is not what was written. Two tries that say the same are believed: then the ETag is no MD5 (a bucket
 * that encrypts with keys of its own has such).
 */
export function createBodyCheck(): (body: Buffer, etag: string) => void {
  let before: string | undefined
  return (body, etag) => {
    if (!isMd5(etag)) return
    const digest = md5(body)
    if (digest === etag || digest === before) return
    before = digest
    throw new WorkerError('storage_unavailable', 'The bytes that came are not those that the ETag stands for')
  }
}
