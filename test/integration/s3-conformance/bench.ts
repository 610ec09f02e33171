import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { GetObjectCommand, PutObjectCommand, S3Client, type S3ClientConfig } from '@aws-sdk/client-s3'
import { startS3 } from '../../local/s3/server.ts'

export const mib = 1024 ** 2

/** An S3 server in a folder of its own with the real client beside it; `close` removes all of it. */
export async function openBench() {
  const dir = await mkdtemp(join(tmpdir(), 's3-conformance-'))
  const s3 = await startS3({ dir, publicRead: (key) => key.startsWith('public/') })
  const Bucket = s3.bucket
  const clients: S3Client[] = []

  function connect(overrides: Partial<S3ClientConfig> = {}): S3Client {
    const made = new S3Client({
      endpoint: s3.endpoint,
      region: 'auto',
      credentials: { accessKeyId: s3.accessKey, secretAccessKey: s3.secretKey },
      forcePathStyle: true,
      maxAttempts: 1,
      // The suite provokes what the client would warn of.
      logger: { debug() {}, info() {}, warn() {}, error() {} },
      ...overrides,
    })
    clients.push(made)
    return made
  }
  const client = connect()

  return {
    ...{ dir, s3, Bucket, client, connect },
    /** Resolves the ETag. */
    async put(Key: string, Body: string | Buffer, more: object = {}): Promise<string> {
      const { ETag } = await client.send(new PutObjectCommand({ Bucket, Key, Body, ...more }))
      return ETag!
    },
    async get(Key: string, more: object = {}): Promise<Buffer> {
      const { Body } = await client.send(new GetObjectCommand({ Bucket, Key, ...more }))
      return Buffer.from(await Body!.transformToByteArray())
    },
    async close(): Promise<void> {
      for (const each of clients) each.destroy()
      await s3.close()
      await rm(dir, { recursive: true, force: true })
    },
  }
}

/** The error that the client threw, as the code and status that it read from the answer. */
export async function failure(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
    return 'no failure'
  } catch (error) {
    const { name, $metadata } = error as { name: string; $metadata?: { httpStatusCode?: number } }
    return `${$metadata?.httpStatusCode} ${name}`
  }
}
