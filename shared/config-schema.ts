import type convict from 'convict'
import type { Config } from './config.ts'
import { hostVariables } from './config-schema-host.ts'
import { workVariables } from './config-schema-work.ts'
import { address, decimal, flag, required, secret, type Tree, text, whole } from './config-variable.ts'

/**
 * Every environment variable of the worker, once: the README's table (`npm run config`), the checks at boot and the
 * redaction in logs all come from here. Names and defaults: contract.md section 6; those that are ours to choose
 * are named after the thing they bound, with the unit as their last word.
 */
const variables = {
  workerId: text('WORKER_ID', 'Name of this worker in logs, keys and calls', {
    default: '',
    shown: 'instance id, else host name',
  }),
  concurrency: whole('WORKER_CONCURRENCY', 1, 1, 64, 'Jobs at a time in one process'),
  awsRegion: text('AWS_REGION', 'Region of the queue', required),
  queue: {
    name: text('VIDEO_SQS_QUEUE_NAME', 'Queue that the jobs come from', required),
    deadLetterName: text('VIDEO_SQS_DLQ_NAME', 'Queue that gets what cannot be processed', {
      default: '',
      shown: 'the queue’s name + `-dlq`',
    }),
    endpoint: text('AWS_ENDPOINT_URL_SQS', 'Address of SQS when it is not the region’s own', {
      default: '',
      format: 'address',
    }),
    waitSeconds: whole('SQS_WAIT_SECONDS', 20, 1, 20, 'Length of one long poll'),
  },
  lease: {
    visibilitySeconds: whole(
      'LEASE_VISIBILITY_SECONDS',
      120,
      2,
      43_200,
      'How long a message stays ours per beat',
    ),
    beatSeconds: decimal('LEASE_BEAT_SECONDS', 30, 0.1, 3600, 'Time between two beats of the lease'),
    minSlackSeconds: decimal(
      'LEASE_MIN_SLACK_SECONDS',
      15,
      0,
      3600,
      'A job is stopped when less lease than this is left',
    ),
    maxSeconds: whole(
      'LEASE_MAX_SECONDS',
      42_900,
      1,
      43_200,
      'A job is stopped after this; SQS allows 12 h, less a margin',
    ),
  },
  job: {
    maxAttempts: whole('VIDEO_JOB_MAX_ATTEMPTS', 5, 1, 100, 'Failures until a job is given up'),
    maxCrashes: whole('VIDEO_JOB_MAX_CRASHES', 3, 1, 100, 'Crashes or hangs until a job is given up'),
    backoffBaseSeconds: decimal(
      'JOB_BACKOFF_BASE_SECONDS',
      30,
      0,
      43_200,
      'Ceiling of the first wait before a retry',
    ),
    backoffCapSeconds: decimal(
      'JOB_BACKOFF_CAP_SECONDS',
      900,
      0,
      43_200,
      'Ceiling of every wait before a retry',
    ),
  },
  r2: {
    endpoint: text('R2_ENDPOINT', 'Address of the bucket’s S3 API', { ...required, format: 'origin' }),
    accessKey: text('R2_ACCESS_KEY', 'Key id for the bucket; never goes into `AWS_*`', secret),
    secretKey: text('R2_SECRET_KEY', 'Secret for the bucket; never goes into `AWS_*`', secret),
    region: text('R2_REGION', 'Region of the bucket', { default: 'auto' }),
    bucket: text('R2_BUCKET', 'The bucket (also `R2_VIDEO_BUCKET`)', required),
    prefix: text('R2_PREFIX', 'Folder in the bucket put before every key', { default: '', format: 'folder' }),
  },
  redis: {
    host: text('REDIS_HOST', 'Redis host', { ...required, format: 'hostname' }),
    port: whole('REDIS_PORT', 6379, 1, 65_535, 'Redis port'),
    password: text('REDIS_PASSWORD', 'Redis password', { ...secret, default: '' }),
    db: whole('REDIS_DB', 0, 0, 10_000, 'Redis database'),
    tls: flag('REDIS_TLS', 'Speak TLS to Redis'),
  },
  api: {
    baseUrl: address('API_BASE_URL', 'Address of the product’s API', required),
    token: text('INTERNAL_WORKER_TOKEN', 'Token for the API, also signs the calls', secret),
    timeoutSeconds: decimal('VIDEO_WORKER_HTTP_TIMEOUT', 10, 0.1, 120, 'Limit of one call, in seconds'),
    tries: whole('VIDEO_WORKER_RETRY_MAX', 6, 1, 20, 'Tries of one call'),
    backoffBaseSeconds: decimal(
      'VIDEO_WORKER_BACKOFF_BASE',
      0.5,
      0,
      60,
      'Ceiling of the first wait between tries, in seconds',
    ),
    backoffCapSeconds: decimal(
      'VIDEO_WORKER_BACKOFF_CAP',
      10,
      0,
      600,
      'Ceiling of every wait between tries, in seconds',
    ),
    // The heartbeat key in Redis lives 60 s: one beat may fail, two may not.
    heartbeatSeconds: decimal(
      'VIDEO_WORKER_HEARTBEAT_INTERVAL',
      20,
      0.1,
      30,
      'Time between heartbeats to API and Redis, in seconds',
    ),
  },
  catalog: {
    baseUrl: address('CATALOG_API_BASE', 'Address of the catalogue’s API; its calls are skipped without it', {
      default: '',
    }),
    token: text('INTERNAL_TOKEN', 'Token for the catalogue’s API; its calls are skipped without it', {
      ...secret,
      default: '',
    }),
    keyPrefix: text('CATALOG_KEY_PREFIX', 'Only objects under this folder become catalogue jobs', {
      default: 'videos/',
      format: 'folder',
    }),
  },
  ...workVariables,
  bootWaitSeconds: decimal(
    'BOOT_WAIT_SECONDS',
    60,
    0,
    3600,
    'How long a starting worker waits for a queue or bucket that does not answer',
  ),
  // A Spot notice comes 120 s ahead, and the worker must be gone 20 s before.
  drainSeconds: decimal(
    'DRAIN_SECONDS',
    90,
    0,
    43_200,
    'Time a stopping worker gives its jobs; at most 100 on Spot',
  ),
  ...hostVariables,
  http: {
    host: text('HTTP_HOST', 'Address of `/healthz`, `/readyz`, `/metrics`, `/status`', {
      default: '127.0.0.1',
      format: 'hostname',
    }),
    port: whole('HTTP_PORT', 9090, 0, 65_535, 'Port of the same; 0 = any free one'),
  },
  log: {
    level: text('LOG_LEVEL', 'fatal, error, warn, info, debug, trace or silent', {
      default: 'info',
      format: ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'],
    }),
    pretty: flag('LOG_PRETTY', 'Logs for people instead of JSON'),
  },
  cdnBaseUrl: address('CDN_HLS_BASE_URL', 'Address that viewers load from, for links in logs and status', {
    default: '',
  }),
} satisfies Tree

/** Convict's view of the table. Its types know neither our formats' names nor read-only lists. */
export const schema = variables as unknown as convict.Schema<Config>
