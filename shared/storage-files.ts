import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { PutObjectCommand, type PutObjectCommandInput, type S3Client } from '@aws-sdk/client-s3'
import { Upload } from '@aws-sdk/lib-storage'
import { withStallLimit } from './storage-attempt.ts'
import { writeLimitMs } from './storage-client.ts'

const mib = 1024 ** 2
/** Above this a file goes up in parts. Below, one PUT costs one Class A operation instead of several. */
export const multipartFromBytes = 64 * mib
const minPartBytes = 8 * mib
/** S3 and R2: "at most 10,000 parts". */
const maxParts = 10_000
/** Parts in memory and on the way at once: 3 x 8 MiB for any file up to 78 GiB. */
const partsAtOnce = 3

/** Bytes of every part but the last, whole MiB: R2 wants them equal. */
export function partBytesFor(bytes: number): number {
  return Math.max(minPartBytes, Math.ceil(bytes / maxParts / mib) * mib)
}

export interface FileUpload {
  readonly path: string
  readonly bytes: number
  readonly target: PutObjectCommandInput
  readonly signal: AbortSignal
  readonly stallMs: number
}

export async function fileBytes(path: string): Promise<number> {
  return (await stat(path)).size
}

/** One PUT of a file, streamed; `md5` (base64) lets the bucket notice damage on the way. */
export async function putFileWhole(client: S3Client, upload: FileUpload, md5: string): Promise<void> {
  const limit = writeLimitMs(upload.bytes, upload.stallMs)
  await withStallLimit(limit, upload.signal, async (abortSignal) => {
    const body = createReadStream(upload.path)
    try {
      const input = { ...upload.target, Body: body, ContentLength: upload.bytes, ContentMD5: md5 }
      await client.send(new PutObjectCommand(input), { abortSignal })
    } finally {
      body.destroy()
    }
  })
}

/**
 * Multipart through lib-storage. Its parts are retried one by one by the client (maxAttempts), so `client` is
 * one of its own; if it fails or is aborted for good, the parts are removed from the bucket.
 */
export async function putFileInParts(client: S3Client, upload: FileUpload): Promise<void> {
  const { signal, path, bytes, target } = upload
  signal.throwIfAborted()
  const transfer = new Upload({
    client,
    params: { ...target, Body: createReadStream(path, { highWaterMark: mib }) },
    partSize: partBytesFor(bytes),
    queueSize: partsAtOnce,
    leavePartsOnError: false,
  })
  const stop = () => void transfer.abort()
  signal.addEventListener('abort', stop, { once: true })
  try {
    await transfer.done()
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

/** Content-MD5 of a file, base64. */
export async function md5OfFile(path: string): Promise<string> {
  const hash = createHash('md5')
  for await (const chunk of createReadStream(path, { highWaterMark: mib })) hash.update(chunk as Buffer)
  return hash.digest('base64')
}
