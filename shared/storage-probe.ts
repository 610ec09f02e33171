import {
  AbortMultipartUploadCommand,
  CreateMultipartUploadCommand,
  ListMultipartUploadsCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import type { Config } from './config.ts'
import { openStorage } from './storage.ts'
import { createS3Client } from './storage-client.ts'
import { readFailure } from './storage-errors.ts'

/** One thing that the bucket was asked to do. */
export interface StorageStep {
  readonly step: 'write' | 'read' | 'range' | 'only if absent' | 'list' | 'multipart' | 'delete'
  readonly ok: boolean
  /** What went wrong, for people. */
  readonly problem: string
}

const type = { contentType: 'text/plain' }
const quick = { stallMs: 5_000, backoff: { base: 0.1, cap: 0.5 } }

/**
 * Does to one small object of its own everything that a worker does to a bucket, and removes it. folder: ends with a
 * slash; nobody else's. What depends on a step that failed is left out. Rejects only on abort.
 */
export async function probeStorage(
  r2: Config['r2'],
  folder: string,
  signal: AbortSignal,
): Promise<StorageStep[]> {
  const storage = openStorage(r2, quick)
  const client = createS3Client(r2, { maxSockets: 2, requestMs: quick.stallMs })
  const steps: StorageStep[] = []
  const key = `${folder}probe.txt`
  const text = 'written by video-worker doctor'

  /** run: resolves a problem, or nothing. */
  async function attempt(
    step: StorageStep['step'],
    run: () => Promise<string | undefined>,
  ): Promise<boolean> {
    try {
      const problem = await run()
      steps.push({ step, ok: problem === undefined, problem: problem ?? '' })
    } catch (error) {
      signal.throwIfAborted()
      steps.push({ step, ok: false, problem: error instanceof Error ? error.message : String(error) })
    }
    return steps.at(-1)?.ok === true
  }

  async function multipart(): Promise<undefined> {
    const target = { Bucket: r2.bucket, Key: `${r2.prefix}${folder}parts.bin` }
    const abort = { abortSignal: signal }
    const { UploadId } = await client.send(new CreateMultipartUploadCommand(target), abort)
    try {
      await client.send(new UploadPartCommand({ ...target, UploadId, PartNumber: 1, Body: text }), abort)
      const list = { Bucket: r2.bucket, Prefix: `${r2.prefix}${folder}` }
      await client.send(new ListMultipartUploadsCommand(list), abort)
    } finally {
      await client.send(new AbortMultipartUploadCommand({ ...target, UploadId }))
    }
  }

  try {
    const put = async () => {
      await storage.put(key, text, { ...type, signal })
      return undefined
    }
    if (!(await attempt('write', put))) return steps
    await attempt('read', async () => {
      return (await storage.getText(key, signal)) === text ? undefined : 'it gives back something else'
    })
    await attempt('range', async () => {
      const bytes = await storage.getRange(key, { start: 0, end: 6 }, { signal })
      return bytes.toString() === text.slice(0, 7) ? undefined : 'it gives other bytes than it was asked for'
    })
    await attempt('only if absent', async () => {
      const answer = await storage.put(key, 'other', { ...type, onlyIfAbsent: true, signal })
      return answer === 'exists' ? undefined : 'it overwrote an object that it was told to leave'
    })
    await attempt('list', async () => {
      for await (const found of storage.list(folder, signal)) if (found.key === key) return undefined
      return 'the object that was written is not in the list'
    })
    await attempt('multipart', () => multipart().catch((error: unknown) => refuse(error)))
    await attempt('delete', async () => {
      await storage.deleteKeys([key], signal)
      return (await storage.head(key, signal)) === undefined ? undefined : 'the object is still there'
    })
    return steps
  } finally {
    storage.close()
    client.destroy()
  }
}

function refuse(error: unknown): never {
  const { status, code } = readFailure(error)
  throw new Error(`${code} (${status})`, { cause: error })
}
