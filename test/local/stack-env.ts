import type { RedisServer } from './redis-server.ts'
import type { ReferenceApi } from './reference-api.ts'
import type { S3Server } from './s3/server.ts'
import type { SqsServer } from './sqs.ts'

export const names = {
  queue: 'academy-video-jobs',
  deadLetter: 'academy-video-jobs-dlq',
  region: 'ap-northeast-2',
}
export const secrets = {
  token: 'local-worker-token',
  internalKey: 'local-internal-key',
  catalogToken: 'local-catalog-token',
}
/** The attributes that the fleet's own deployment gives its queue. */
const queueAttributes = { VisibilityTimeout: '120', MessageRetentionPeriod: '1209600', maxReceiveCount: 50 }

/** The job queue and its DLQ; `overrides` are attributes as SQS takes them. */
export async function createQueues(sqs: SqsServer, overrides: Record<string, string> = {}): Promise<void> {
  const { maxReceiveCount, ...attributes } = queueAttributes
  const deadLetterTargetArn = await sqs.createQueue(names.deadLetter, { MessageRetentionPeriod: '1209600' })
  const RedrivePolicy = JSON.stringify({ deadLetterTargetArn, maxReceiveCount })
  await sqs.createQueue(names.queue, { ...attributes, RedrivePolicy, ...overrides })
}

/** The environment that leads a worker to the parts of a stack. */
export function environment(parts: {
  s3: S3Server
  sqs: SqsServer
  redis: RedisServer
  api: ReferenceApi
  scratch: string
}): Record<string, string> {
  const { s3, sqs, redis, api, scratch } = parts
  return {
    API_BASE_URL: api.baseUrl,
    INTERNAL_WORKER_TOKEN: secrets.token,
    CATALOG_API_BASE: api.baseUrl,
    INTERNAL_TOKEN: secrets.catalogToken,
    R2_ENDPOINT: s3.endpoint,
    R2_ACCESS_KEY: s3.accessKey,
    R2_SECRET_KEY: s3.secretKey,
    R2_REGION: 'auto',
    R2_BUCKET: s3.bucket,
    CDN_HLS_BASE_URL: `${s3.endpoint}/${s3.bucket}`,
    REDIS_HOST: redis.host,
    REDIS_PORT: String(redis.port),
    VIDEO_SQS_QUEUE_NAME: names.queue,
    // Short polls: a worker that stops lets its open poll end.
    SQS_WAIT_SECONDS: '1',
    AWS_REGION: names.region,
    AWS_ENDPOINT_URL_SQS: sqs.endpoint,
    AWS_ACCESS_KEY_ID: 'local',
    AWS_SECRET_ACCESS_KEY: 'local',
    AWS_EC2_METADATA_DISABLED: 'true',
    VIDEO_WORKER_TEMP_DIR: scratch,
    HTTP_PORT: '0',
  }
}

/** `undefined` takes a variable out. */
export function withOverrides(
  env: Record<string, string>,
  overrides: Record<string, string | undefined>,
): Record<string, string> {
  const all = Object.entries({ ...env, ...overrides })
  return Object.fromEntries(all.filter((entry): entry is [string, string] => entry[1] !== undefined))
}
