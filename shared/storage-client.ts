import { createHash } from 'node:crypto'
import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { S3Client } from '@aws-sdk/client-s3'
import type { Config } from './config.ts'

/**
 * Silence allowed on a connection before the request is given up and tried again (ms). A transfer has this long
 * for its first byte and between two reads; a write has it on top of what its size may take.
 */
export const defaultStallMs = 15_000

/** The slowest line that a write of `bytes` may meet, 256 KiB/s: below that it counts as stalled. */
export function writeLimitMs(bytes: number, stallMs: number): number {
  return stallMs + (bytes / (256 * 1024)) * 1000
}

const silent = { debug() {}, info() {}, warn() {}, error() {} }

export interface ClientOptions {
  /** Sockets kept open; also the bound on requests under way. */
  readonly maxSockets: number
  /** Milliseconds from sending a request to the head of its answer. */
  readonly requestMs: number
}

/** An S3 client for R2: path style, keep-alive, Content-MD5 on every write, no other checksums. */
export function createS3Client(r2: Config['r2'], options: ClientOptions): S3Client {
  const agent = { keepAlive: true, maxSockets: options.maxSockets }
  const client = new S3Client({
    endpoint: r2.endpoint,
    region: r2.region,
    // Explicit, never from the AWS_* chain: that one belongs to the instance role (contract 2).
    credentials: { accessKeyId: r2.accessKey, secretAccessKey: r2.secretKey },
    forcePathStyle: true,
    // Retrying is done round it (storage-attempt.ts), so that one place counts the tries and an abort ends a wait.
    maxAttempts: 1,
    // Every failure is thrown: nothing to say beside it on the console.
    logger: silent,
    // R2 refuses some of the newer default checksums (facts.md, R2); Content-MD5 it checks.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    // No extra round trip before each segment.
    expectContinueHeader: false,
    requestHandler: {
      connectionTimeout: 5_000,
      requestTimeout: options.requestMs,
      // Without it the SDK only writes a warning.
      throwOnRequestTimeout: true,
      httpAgent: new HttpAgent(agent),
      httpsAgent: new HttpsAgent(agent),
    },
  })
  client.middlewareStack.add(
    (next) => (args) => {
      const request = args.request as { method: string; body?: unknown; headers: Record<string, string> }
      const { body, headers } = request
      const isBytes = typeof body === 'string' || body instanceof Uint8Array
      if (isBytes && request.method !== 'GET' && headers['content-md5'] === undefined)
        headers['content-md5'] = createHash('md5').update(body).digest('base64')
      return next(args)
    },
    // After the body has been serialised, before the request is signed.
    { name: 'contentMd5', step: 'build', priority: 'low' },
  )
  return client
}
