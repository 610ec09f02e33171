import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  HeadObjectCommand,
  PutObjectCommand,
  type PutObjectCommandInput,
  type S3Client,
  type UploadPartCommand,
} from '@aws-sdk/client-s3'
import { Upload } from '@aws-sdk/lib-storage'
import type { Attempt } from './storage-attempt.ts'
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

/** One PUT of a file, streamed anew on each try, with its MD5 so that the bucket notices damage on the way. */
export async function putFileWhole(client: S3Client, attempt: Attempt, upload: FileUpload): Promise<void> {
  const { path, bytes, target, signal, stallMs } = upload
  const ContentMD5 = await md5OfFile(path)
  await attempt('write', target.Key ?? '', signal, writeLimitMs(bytes, stallMs), async (abortSignal) => {
    const body = createReadStream(path)
    try {
      const input = { ...target, Body: body, ContentLength: bytes, ContentMD5 }
      await client.send(new PutObjectCommand(input), { abortSignal })
    } finally {
      body.destroy()
    }
  })
}

/**
 * Multipart through lib-storage, each request with our own retry: lib-storage sends without a signal, so on an
 * abort it would leave its parts running, and one failed part would not stop the others. Whatever ends it early,
 * the parts are removed from the bucket before this rejects.
 */
export async function putFileInParts(client: S3Client, attempt: Attempt, upload: FileUpload): Promise<void> {
  const { path, bytes, target, signal, stallMs } = upload
  const key = target.Key ?? ''
  const partSize = partBytesFor(bytes)
  const stop = new AbortController()
  const follow = () => stop.abort(signal.reason)
  signal.addEventListener('abort', follow, { once: true })
  if (signal.aborted) follow()

  async function send(command: unknown): Promise<unknown> {
    // The clean-up must work after the abort, but not wait for ever on a bucket that is away.
    if (command instanceof AbortMultipartUploadCommand)
      return attempt('clean up', key, new AbortController().signal, stallMs, (s) => sendTo(command, s))
    try {
      return await attempt('write', key, stop.signal, writeLimitMs(partSize, stallMs), async (s, _, n) => {
        try {
          return await sendTo(command, s)
        } catch (error) {
          if (n > 1 && command instanceof CompleteMultipartUploadCommand && (await isThere(s))) return {}
          throw error
        }
      })
    } catch (error) {
      stop.abort(error)
      throw error
    }
  }
  const sendTo = (command: unknown, abortSignal: AbortSignal) =>
    client.send(command as UploadPartCommand, { abortSignal })
  /** The answer to an earlier completion was lost: the upload is unknown by now and the object complete. */
  const isThere = async (abortSignal: AbortSignal) => {
    const head = new HeadObjectCommand({ Bucket: target.Bucket, Key: key })
    const found = await client.send(head, { abortSignal }).catch(() => undefined)
    return found?.ContentLength === bytes
  }

  const body = createReadStream(path, { highWaterMark: mib })
  try {
    const through = Object.create(client, { send: { value: send } }) as S3Client
    const params = { ...target, Body: body }
    await new Upload({ client: through, params, partSize, queueSize: partsAtOnce }).done()
  } catch (error) {
    throw stop.signal.aborted ? stop.signal.reason : error
  } finally {
    signal.removeEventListener('abort', follow)
    body.destroy()
  }
}

/** Content-MD5 of a file, base64. */
async function md5OfFile(path: string): Promise<string> {
  const hash = createHash('md5')
  for await (const chunk of createReadStream(path, { highWaterMark: mib })) hash.update(chunk as Buffer)
  return hash.digest('base64')
}
