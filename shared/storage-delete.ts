import { DeleteObjectsCommand, type S3Client } from '@aws-sdk/client-s3'
import type { Config } from './config.ts'
import { WorkerError } from './errors.ts'
import type { StoredObject } from './storage.ts'

/** Keys in one DeleteObjects call, and objects in one page of a listing: S3's limit for both. */
export const deleteBatch = 1000

/**
 * One DeleteObjects call as a function that may be tried again: an answer of 200 still lists the keys that were
 * not deleted (lesson 10), so each try sends only what the one before left over.
 */
export function createBatchDeletion(
  client: S3Client,
  r2: Config['r2'],
  keys: string[],
): (abortSignal: AbortSignal) => Promise<void> {
  let left = keys
  return async (abortSignal) => {
    const Objects = left.map((key) => ({ Key: r2.prefix + key }))
    const input = { Bucket: r2.bucket, Delete: { Objects, Quiet: true } }
    const { Errors: errors = [] } = await client.send(new DeleteObjectsCommand(input), { abortSignal })
    if (errors.length === 0) return
    left = errors.map((error) => (error.Key ?? '').slice(r2.prefix.length))
    const message = `The bucket could not delete ${left.length} keys: ${errors[0]?.Code ?? 'no reason given'}`
    throw new WorkerError('storage_unavailable', message, { details: { keys: left } })
  }
}

/** The keys of a listing, a thousand at a time. Deleting between two pages does not disturb the listing. */
export async function* inBatches(list: AsyncGenerator<StoredObject>): AsyncGenerator<string[]> {
  let batch: string[] = []
  for await (const { key } of list) {
    batch.push(key)
    if (batch.length < deleteBatch) continue
    yield batch
    batch = []
  }
  if (batch.length > 0) yield batch
}
