import { randomUUID } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { Redis } from 'ioredis'
import { backlogKey } from '../../shared/keys.ts'
import { openQueue, type Queue } from '../../shared/queue.ts'
import { openStorage, type Storage } from '../../shared/storage.ts'
import { type StrictServer, startStrictSqs } from '../strict-sqs/server.ts'
import { type RedisServer, startRedis } from './redis-server.ts'
import { type ReferenceApi, startReferenceApi } from './reference-api.ts'
import { objectCreatedMessage } from './s3/event.ts'
import { type S3Server, startS3 } from './s3/server.ts'
import { type SqsServer, startSqs } from './sqs.ts'
import { createQueues, environment, names, secrets, withOverrides } from './stack-env.ts'

export interface StackOptions {
  /** For the bucket's files, scratch and the rows; made when missing, left to the caller at the end. */
  readonly dir: string
  readonly signal?: AbortSignal
  /** Attributes of the job queue that differ from those below, as SQS takes them. */
  readonly queueAttributes?: Record<string, string>
  /** `strict`: the model of test/strict-sqs, which does all that SQS may do; else fauxqs, which is kind. */
  readonly queue?: 'embedded' | 'strict'
  /** Whether new objects under `videos/` send an S3 event to the queue, as a bucket notification would. */
  readonly events?: boolean
}

/** The API's word on a job: the first complete or fail call that it accepted. */
export interface Outcome {
  readonly kind: 'complete' | 'fail'
  readonly jobId: string
  readonly videoId: number
  readonly workerId: string
  readonly body: Readonly<Record<string, unknown>>
}

export interface JobInput {
  readonly tenantId: number
  readonly videoId: number
  readonly fileKey: string
  readonly jobId?: string
  readonly profile?: string
}

/** All that a worker talks to, on loopback: SQS, S3, the API inside this process, and a real Redis beside it. */
export interface Stack {
  readonly s3: S3Server
  readonly sqs: SqsServer
  /** The same, when it is the strict one. */
  readonly strict: StrictServer | undefined
  readonly redis: RedisServer
  readonly api: ReferenceApi
  /** Clients of the stack's own, for looking and for sending as the product does. */
  readonly queue: Queue
  readonly storage: Storage
  readonly redisClient: Redis
  /** What a worker needs beside PATH and HOME; `overrides` win, `undefined` leaves a variable out. */
  env(overrides?: Record<string, string | undefined>): Record<string, string>
  /** Stores a file as the product's uploads do; resolves its key. */
  upload(file: string, video: { tenantId: number; videoId?: number; name?: string }): Promise<string>
  /** Row, message, then INCR of the backlog, as the product does. Resolves the job's id. */
  sendJob(job: JobInput): Promise<string>
  /** Any message, as it is. */
  send(body: object | string): Promise<void>
  waitFor(jobId: string, options: { signal: AbortSignal }): Promise<Outcome>
  /** Counted without touching; `dead` is all that lies in the DLQ. */
  queueCounts(): Promise<{ waiting: number; inFlight: number; delayed: number; dead: number }>
  /** The counter in Redis, of one tenant. */
  backlog(tenantId: number): Promise<number>
  close(): Promise<void>
}

/** Starts everything; if a part does not start, those before it are stopped again. Ports are always free ones. */
export async function startStack(options: StackOptions): Promise<Stack> {
  const { dir, events = true } = options
  const undo: (() => unknown)[] = []
  const close = async () => {
    for (let step = undo.pop(); step; step = undo.pop()) await step()
  }
  const owned = <T extends { close(): unknown }>(part: T): T => {
    undo.push(() => part.close())
    return part
  }
  try {
    const scratch = join(dir, 'scratch')
    await mkdir(scratch, { recursive: true })
    const redis = owned(await startRedis({ dir: join(dir, 'redis') }))
    const { region } = names
    const strict = options.queue === 'strict' ? owned(await startStrictSqs({ region })) : undefined
    const sqs = strict ?? owned(await startSqs({ region }))
    await createQueues(sqs, options.queueAttributes)
    const queue = owned(await connectQueue(sqs))
    const announce = (key: string, message: string) => {
      if (!events || !key.startsWith('videos/')) return
      queue.send(message, { signal: new AbortController().signal }).catch(() => {
        // Only a stack that is closing does not take it.
      })
    }
    const s3 = owned(
      await startS3({
        dir: join(dir, 's3'),
        // As through the bucket's public address: everything but sources and ledgers.
        publicRead: (key) =>
          !key.includes('/video/raw/') && !key.includes('/.work/') && !key.startsWith('videos/'),
        onObjectCreated: (event) => announce(event.key, objectCreatedMessage(event, names.region)),
      }),
    )
    const api = owned(await startReferenceApi({ ...secrets, redis: { host: redis.host, port: redis.port } }))
    const { endpoint, accessKey, secretKey, bucket } = s3
    const storage = owned(openStorage({ endpoint, accessKey, secretKey, bucket, region: 'auto', prefix: '' }))
    const redisClient = new Redis({ host: redis.host, port: redis.port, maxRetriesPerRequest: 2 })
    redisClient.on('error', () => {
      // Tests kill Redis; a command then rejects by itself.
    })
    undo.push(() => redisClient.disconnect())
    options.signal?.addEventListener('abort', () => void close(), { once: true })
    const { signal } = new AbortController()

    return {
      ...{ s3, sqs, strict, redis, api, queue, storage, redisClient, close },
      env: (overrides = {}) => withOverrides(environment({ s3, sqs, redis, api, scratch }), overrides),
      async upload(file, { tenantId, name = file }) {
        const key = `tenants/${tenantId}/video/raw/${randomUUID()}/${randomUUID()}${extname(name).toLowerCase()}`
        await storage.putFile(key, file, { contentType: 'application/octet-stream', signal })
        return key
      },
      async sendJob({ tenantId, videoId, fileKey, jobId = randomUUID(), profile }) {
        api.rows.addVideo({ id: videoId, tenantId, fileKey, jobId })
        const created_at = new Date().toISOString()
        const message = {
          job_id: jobId,
          video_id: videoId,
          tenant_id: tenantId,
          file_key: fileKey,
          created_at,
        }
        await queue.send(JSON.stringify(profile === undefined ? message : { ...message, profile }), {
          signal,
        })
        await redisClient.incr(backlogKey(tenantId))
        return jobId
      },
      send: (body) => queue.send(typeof body === 'string' ? body : JSON.stringify(body), { signal }),
      async waitFor(jobId, { signal }) {
        const call = await api.waitForCall(
          ({ name, jobId: of, status }) =>
            of === jobId && status === 200 && (name === 'complete' || name === 'fail'),
          { signal },
        )
        const { workerId, body, videoId = 0 } = call
        return { kind: call.name === 'complete' ? 'complete' : 'fail', jobId, videoId, workerId, body }
      },
      async queueCounts() {
        const [counts, dead] = await Promise.all([sqs.counts(names.queue), sqs.counts(names.deadLetter)])
        return { ...counts, dead: dead.waiting + dead.inFlight + dead.delayed }
      },
      backlog: async (tenantId) => Number((await redisClient.get(backlogKey(tenantId))) ?? 0),
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** The stack's own client must not need AWS_* in the environment of whoever runs the tests. */
async function connectQueue(sqs: SqsServer): Promise<Queue> {
  const queue = {
    name: names.queue,
    deadLetterName: names.deadLetter,
    endpoint: sqs.endpoint,
    waitSeconds: 1,
  }
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' }
  return openQueue({ queue, awsRegion: names.region }, new AbortController().signal, { credentials })
}
