import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadConfig } from '../../../shared/config.ts'
import { type JobIdentity, type JobRecords, openJobRecords } from '../../../shared/jobs.ts'
import { backlogKey, jobFolder, jobRoot } from '../../../shared/keys.ts'
import { type Area, findings } from '../../../shared/reconcile/find.ts'
import type { Finding } from '../../../shared/reconcile/finding.ts'
import { defaultLimits, type Limits } from '../../../shared/reconcile/limits.ts'
import { repair } from '../../../shared/reconcile/repair.ts'
import { watch } from '../../../shared/reconcile/watch.ts'
import { type OpenWorld, openWorld } from '../../../shared/reconcile/world.ts'
import { type Stack, startStack } from '../../local/stack.ts'
import { names } from '../../local/stack-env.ts'

/** Patience of a test: whatever is older than a moment is old, and what stands for 0.3 s is believed. */
const hasty: Partial<Limits> = {
  ...{ settleSeconds: 0, standsSeconds: 0.3, stalledSeconds: 0.05 },
  // Ages are whole seconds: 0 is more than this.
  leftSeconds: -1,
}

export interface Job {
  readonly identity: JobIdentity
  readonly jobId: string
  readonly videoId: number
  readonly fileKey: string
  readonly body: string
  readonly folder: string
}

/** A stack, and the reconciler's world on it. */
export interface Lab {
  readonly stack: Stack
  readonly records: JobRecords
  readonly signal: AbortSignal
  world(limits?: Partial<Limits>): OpenWorld
  /** A job of tenant 7 with its source in the bucket; no message and no record. */
  job(input?: { source?: boolean; videoId?: number }): Promise<Job>
  claim(job: Job, leaseMs?: number): Promise<number>
  put(key: string, text?: string): Promise<void>
  keys(prefix: string): Promise<string[]>
  /** Bodies of all messages. */
  messages(): Promise<string[]>
  /** Findings after looks that are long enough. */
  find(world: OpenWorld, ...only: Area[]): Promise<Finding[]>
  /** All that a dry run must not change: messages, objects, and Redis but for the reconciler's notes. */
  everything(): Promise<unknown>
  /** Empties queue, bucket and Redis. */
  clear(): Promise<void>
  close(): Promise<void>
}

export const tenantId = 7
export const counter = backlogKey(tenantId)

export async function openLab(): Promise<Lab> {
  const dir = await mkdtemp(join(tmpdir(), 'reconcile-test-'))
  const stack = await startStack({ dir, events: false })
  const { signal } = new AbortController()
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' }
  const config = loadConfig(stack.env())
  const worlds: OpenWorld[] = []
  const open = async (limits: Partial<Limits> = {}) => {
    const world = await openWorld(config, signal, { credentials, limits: { ...hasty, ...limits } })
    worlds.push(world)
    return world
  }
  const first = await open()
  const records = openJobRecords(first.redis)
  let videos = 0

  const keys = async (prefix: string) => {
    const found: string[] = []
    for await (const { key } of stack.storage.list(prefix, signal)) found.push(key)
    return found
  }
  const put = async (key: string, text = '{}') => {
    await stack.storage.put(key, text, { contentType: 'application/json', signal })
  }
  return {
    ...{ stack, records, signal, keys, put },
    world: (limits = {}) => ({ ...first, limits: { ...defaultLimits, ...hasty, ...limits } }),
    async job({ source = true, videoId = ++videos } = {}) {
      const jobId = randomUUID()
      const fileKey = `tenants/${tenantId}/video/raw/${randomUUID()}/a.mp4`
      if (source) await put(fileKey, 'not really a video')
      const body = JSON.stringify({
        ...{ job_id: jobId, video_id: videoId, tenant_id: tenantId, file_key: fileKey },
      })
      const identity = { jobId, backlogTenant: tenantId, video: { tenantId, videoId } }
      return { identity, jobId, videoId, fileKey, body, folder: jobFolder(jobRoot(tenantId, videoId), jobId) }
    },
    async claim({ identity, body }, leaseMs = 60_000) {
      const input = { owner: 'test', leaseMs, messageId: 'm', counted: true, body }
      const answer = await records.claim(identity, input)
      if (answer.verdict !== 'yours') throw new Error(`not claimed: ${answer.verdict}`)
      return answer.token
    },
    messages: async () => (await stack.sqs.messages(names.queue)).map((message) => message.body),
    async find(world, ...only) {
      await watch(world, { signal })
      return findings(world, { signal, ...(only.length > 0 ? { only } : {}) })
    },
    async everything() {
      const redis: [string, unknown][] = []
      for (const key of (await stack.redisClient.keys('*')).sort()) {
        if (key.startsWith('video-worker:reconcile:')) continue
        const hash = (await stack.redisClient.type(key)) === 'hash'
        redis.push([key, hash ? await stack.redisClient.hgetall(key) : await stack.redisClient.get(key)])
      }
      return { redis, keys: await keys(''), messages: await stack.sqs.messages(names.queue) }
    },
    async clear() {
      await stack.sqs.drain(names.queue)
      stack.sqs.faults.clear()
      stack.s3.faults.clear()
      await stack.storage.deleteKeys(await keys(''), signal)
      await stack.redisClient.flushall()
    },
    async close() {
      for (const world of worlds) world.close()
      await stack.close()
      await rm(dir, { recursive: true, force: true })
    },
  }
}

/** Code, what and repair of each finding: what a test compares. */
export function brief(found: readonly Finding[]): string[] {
  return found.map(({ code, what, repair }) => `${code} ${what} ${repair?.type ?? 'nothing'}`)
}

/** Results of a repair for real. */
export async function mend(found: readonly Finding[], world: OpenWorld): Promise<string[]> {
  const done = await repair(found, world, { signal: new AbortController().signal, dryRun: false })
  return done.map(({ result }) => result)
}
