import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { type ChecksumName, checksumNames, createDigest, type Digest } from './checksums.ts'
import { ChunkedDecoder } from './chunked.ts'
import { S3Error } from './errors.ts'

export interface Received {
  readonly path: string
  readonly bytes: number
  /** Lower-case hex, the ETag of an object written in one piece. */
  readonly md5: string
  /** The checksums that the client sent and that were found right, by name. */
  readonly checksums: Readonly<Record<string, string>>
}

const maxPutBytes = 5 * 1024 ** 3

/**
 * Streams a request body into a file and checks everything the client said about it: length, Content-MD5,
 * x-amz-content-sha256, x-amz-checksum-* (header or trailer). On any doubt the file is removed and it throws.
 */
export async function receiveBody(request: IncomingMessage, path: string): Promise<Received> {
  const { headers } = request
  const sha256 = String(headers['x-amz-content-sha256'] ?? 'UNSIGNED-PAYLOAD')
  if (sha256.startsWith('STREAMING-AWS4-'))
    throw new S3Error('NotImplemented', 'Signed chunks are not implemented')
  const chunked =
    sha256 === 'STREAMING-UNSIGNED-PAYLOAD-TRAILER' ||
    String(headers['content-encoding'] ?? '').includes('aws-chunked')
  const length = headers[chunked ? 'x-amz-decoded-content-length' : 'content-length']
  if (length === undefined)
    throw new S3Error('MissingContentLength', 'You must provide the Content-Length header')
  if (Number(length) > maxPutBytes)
    throw new S3Error('EntityTooLarge', 'Your proposed upload exceeds the maximum allowed size (5 GiB)')

  const decoder = chunked ? new ChunkedDecoder() : undefined
  const digests = createDigests(headers, sha256)
  const md5 = createHash('md5')
  let bytes = 0
  const meter = new Transform({
    transform(chunk: Buffer, _encoding, callback) {
      bytes += chunk.length
      md5.update(chunk)
      for (const digest of digests.values()) digest.update(chunk)
      callback(null, chunk)
    },
  })
  try {
    const file = createWriteStream(path)
    if (decoder) await pipeline(request, decoder, meter, file)
    else await pipeline(request, meter, file)
    if (bytes !== Number(length))
      throw new S3Error('IncompleteBody', 'You did not provide the number of bytes in Content-Length')
    const digest = md5.digest()
    checkMd5(headers['content-md5'], digest)
    const checksums = checkDigests(
      digests,
      (name) => decoder?.trailers.get(name) ?? header(headers, name),
      sha256,
    )
    return { path, bytes, md5: digest.toString('hex'), checksums }
  } catch (error) {
    await rm(path, { force: true })
    throw error
  }
}

const hexSha256 = /^[0-9a-f]{64}$/

function createDigests(headers: IncomingMessage['headers'], sha256: string): Map<ChecksumName, Digest> {
  const trailer = String(headers['x-amz-trailer'] ?? '')
  if (headers['x-amz-checksum-crc64nvme'] !== undefined || trailer.includes('crc64nvme'))
    throw new S3Error('NotImplemented', 'CRC64NVME is not implemented')
  const wanted = checksumNames.filter((name) => {
    const full = `x-amz-checksum-${name}`
    return (
      headers[full] !== undefined || trailer.includes(full) || (name === 'sha256' && hexSha256.test(sha256))
    )
  })
  return new Map(wanted.map((name) => [name, createDigest(name)]))
}

function checkMd5(given: string | string[] | undefined, digest: Buffer): void {
  if (given === undefined) return
  const expected = Buffer.from(String(given), 'base64')
  if (expected.length !== 16) throw new S3Error('InvalidDigest', 'The Content-MD5 you specified is not valid')
  if (!expected.equals(digest))
    throw new S3Error('BadDigest', 'The Content-MD5 you specified did not match what we received')
}

function checkDigests(
  digests: Map<ChecksumName, Digest>,
  given: (name: string) => string | undefined,
  sha256: string,
): Record<string, string> {
  const checksums: Record<string, string> = {}
  for (const [name, digest] of digests) {
    const actual = digest.base64()
    if (
      name === 'sha256' &&
      hexSha256.test(sha256) &&
      Buffer.from(actual, 'base64').toString('hex') !== sha256
    )
      throw new S3Error(
        'XAmzContentSHA256Mismatch',
        'The x-amz-content-sha256 does not match what we received',
      )
    const expected = given(`x-amz-checksum-${name}`)
    if (expected === undefined) continue
    if (expected !== actual)
      throw new S3Error('BadDigest', `The ${name} you specified did not match what we received`)
    checksums[name] = actual
  }
  return checksums
}

function header(headers: IncomingMessage['headers'], name: string): string | undefined {
  const value = headers[name]
  return value === undefined ? undefined : String(value)
}
