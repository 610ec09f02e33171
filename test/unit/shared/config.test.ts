import os from 'node:os'
import path from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { configHash, describeConfig, type Env, loadConfig } from '../../../shared/config.ts'
import { schema } from '../../../shared/config-schema.ts'
import { leavesOf } from '../../../shared/config-variable.ts'
import { WorkerError } from '../../../shared/errors.ts'

const required = {
  API_BASE_URL: 'https://api.example.com',
  INTERNAL_WORKER_TOKEN: 'worker-token',
  R2_ENDPOINT: 'https://account.r2.example.com',
  R2_ACCESS_KEY: 'r2-key',
  R2_SECRET_KEY: 'r2-secret',
  R2_BUCKET: 'videos',
  REDIS_HOST: 'redis.internal',
  VIDEO_SQS_QUEUE_NAME: 'academy-video-jobs',
  AWS_REGION: 'ap-northeast-2',
}

const problemsOf = (env: Env): string[] => {
  try {
    loadConfig(env)
    return []
  } catch (error) {
    if (!(error instanceof WorkerError) || error.code !== 'config_invalid') throw error
    const problems = error.details.problems as string[]
    // each is a line of the message, which is all that the operator sees
    expect(error.message.split('\n').slice(1)).toEqual(problems.map((line) => `- ${line}`))
    return problems
  }
}
const problemWith = (more: Env) => problemsOf({ ...required, ...more })

describe('a configuration', () => {
  test('needs no more than the required variables', () => {
    const config = loadConfig(required)
    expect(config).toMatchObject({
      workerId: os.hostname(),
      concurrency: 1,
      awsRegion: 'ap-northeast-2',
      queue: { name: 'academy-video-jobs', deadLetterName: 'academy-video-jobs-dlq', waitSeconds: 20 },
      lease: { visibilitySeconds: 120, beatSeconds: 30, minSlackSeconds: 15 },
      job: { maxAttempts: 5, maxCrashes: 3 },
      r2: { region: 'auto', prefix: '' },
      redis: { port: 6379, password: '', db: 0, tls: false },
      api: {
        timeoutSeconds: 10,
        tries: 6,
        backoffBaseSeconds: 0.5,
        backoffCapSeconds: 10,
        heartbeatSeconds: 20,
      },
      catalog: { baseUrl: '', token: '', keyPrefix: 'videos/' },
      scratch: { dir: path.join(os.tmpdir(), 'video-worker'), minFreeBytes: 2 ** 31 },
      ffmpeg: { bin: 'ffmpeg', probeBin: 'ffprobe', probeTimeoutSeconds: 60 },
      hls: { segmentSeconds: 6, chunkSeconds: 120, keepVersions: 1 },
      upload: { maxConcurrency: 8 },
      drainSeconds: 90,
      http: { host: '127.0.0.1', port: 9090 },
      log: { level: 'info', pretty: false },
    })
    expect(config.queue).not.toHaveProperty('endpoint')
  })

  test('stays under the 12 hours of SQS by itself', () => {
    expect(loadConfig(required).lease.maxSeconds).toBeLessThan(43_200)
  })

  test('is read from the environment that is handed in, not from the process', () => {
    process.env.WORKER_ID = 'from the process'
    expect(loadConfig(required).workerId).toBe(os.hostname())
    delete process.env.WORKER_ID
  })

  test('takes values with blanks round them, and addresses with a slash at the end', () => {
    const config = loadConfig({
      ...required,
      INTERNAL_WORKER_TOKEN: ' worker-token\r\n',
      API_BASE_URL: 'https://api.example.com/base/ ',
      R2_PREFIX: 'staging',
      CATALOG_KEY_PREFIX: 'films/new/',
      AWS_ENDPOINT_URL_SQS: 'http://127.0.0.1:9324/',
    })
    expect(config.api).toMatchObject({ token: 'worker-token', baseUrl: 'https://api.example.com/base' })
    expect(config.r2.prefix).toBe('staging/')
    expect(config.catalog.keyPrefix).toBe('films/new/')
    expect(config.queue.endpoint).toBe('http://127.0.0.1:9324')
  })

  test.each(['1', 'true', 'TRUE', 'yes', 'on'])('takes %s for yes', (value) => {
    expect(loadConfig({ ...required, REDIS_TLS: value }).redis.tls).toBe(true)
  })

  test.each(['0', 'false', 'no', 'Off'])('takes %s for no', (value) => {
    expect(loadConfig({ ...required, REDIS_TLS: value }).redis.tls).toBe(false)
  })

  test('reads older names, and the proper name first', () => {
    const { R2_BUCKET: _, ...unnamed } = required
    const older = { R2_VIDEO_BUCKET: 'older', FFMPEG_PATH: '/opt/ffmpeg', FFPROBE_PATH: '/opt/ffprobe' }
    const config = loadConfig({ ...unnamed, ...older })
    expect([config.r2.bucket, config.ffmpeg.bin, config.ffmpeg.probeBin]).toEqual([
      'older',
      '/opt/ffmpeg',
      '/opt/ffprobe',
    ])
    expect(loadConfig({ ...required, ...older, FFMPEG_BIN: 'ffmpeg7' })).toMatchObject({
      r2: { bucket: 'videos' },
      ffmpeg: { bin: 'ffmpeg7' },
    })
  })
})

describe('a wrong configuration', () => {
  test('that is empty names every required variable at once (lesson 31)', () => {
    const missing = Object.keys(required).map((name) => `${name} is required and not set`)
    expect(problemsOf({}).sort()).toEqual(missing.sort())
  })

  test('of empty values is as good as none: a failed read of the parameter store is named (lesson 31)', () => {
    const blank = Object.fromEntries(Object.keys(required).map((name) => [name, ' \n']))
    expect(problemsOf(blank)).toEqual(problemsOf({}))
  })

  test('has all its problems told in one error, malformed ones with their values', () => {
    const { REDIS_HOST: _, ...others } = required
    expect(problemsOf({ ...others, REDIS_PORT: '63x', LEASE_BEAT_SECONDS: '90', LOG_LEVEL: 'loud' })).toEqual(
      [
        'REDIS_HOST is required and not set',
        'REDIS_PORT must be a whole number from 1 to 65535: value was "63x"',
        expect.stringMatching(/^LOG_LEVEL must be one of .*"info".*: value was "loud"$/),
        expect.stringMatching(
          /^LEASE_VISIBILITY_SECONDS \(120\) must be at least twice LEASE_BEAT_SECONDS \(90\)/,
        ),
      ],
    )
  })

  test.each([
    ['WORKER_CONCURRENCY', '0'],
    ['WORKER_CONCURRENCY', '1.5'],
    ['REDIS_PORT', '65536'],
    ['REDIS_DB', '-1'],
    ['HLS_TIME_SECONDS', '6s'],
    ['HLS_TIME_SECONDS', 'NaN'],
    ['MAX_SOURCE_BYTES', '0x10'],
    ['SQS_WAIT_SECONDS', '21'],
    ['LEASE_MAX_SECONDS', '43201'],
    ['REDIS_TLS', 'maybe'],
    ['API_BASE_URL', 'api.example.com'],
    ['API_BASE_URL', 'ftp://api.example.com'],
    ['API_BASE_URL', 'https://api.example.com/?a=1'],
    ['API_BASE_URL', '"https://api.example.com"'],
    ['R2_ENDPOINT', 'https://account.r2.example.com/videos'],
    ['R2_PREFIX', '/staging'],
    ['R2_PREFIX', 'a/../b'],
    ['CATALOG_KEY_PREFIX', 'a//b'],
    ['REDIS_HOST', 'redis://redis.internal'],
    ['REDIS_HOST', 'redis.internal:6379'],
    ['R2_BUCKET', "'videos'"],
    ['INTERNAL_WORKER_TOKEN', 'two\nlines'],
  ])('is refused for %s=%s, by name', (name, value) => {
    expect(problemWith({ [name]: value })).toEqual([expect.stringMatching(new RegExp(`^${name} `))])
  })

  test.each(['127.0.0.1', 'redis', '::1', 'fe80::1:2', 'a-b.c_d'])('but not for REDIS_HOST=%s', (host) => {
    expect(loadConfig({ ...required, REDIS_HOST: host }).redis.host).toBe(host)
  })

  test.each<[Env, string]>([
    [{ JOB_BACKOFF_BASE_SECONDS: '901' }, 'JOB_BACKOFF_BASE_SECONDS (901) must not be more'],
    [{ VIDEO_WORKER_BACKOFF_BASE: '11' }, 'VIDEO_WORKER_BACKOFF_BASE (11) must not be more'],
    [{ CHUNK_SECONDS: '5' }, 'CHUNK_SECONDS (5) must not be less'],
    [{ VIDEO_SQS_DLQ_NAME: 'academy-video-jobs' }, 'VIDEO_SQS_DLQ_NAME must not be the same queue'],
  ])('is refused for values that do not fit together: %j', (more, problem) => {
    expect(problemWith(more)).toEqual([expect.stringContaining(problem)])
  })

  test('never shows a secret', () => {
    const env = {
      R2_SECRET_KEY: 'hidden\u0007one',
      INTERNAL_WORKER_TOKEN: 'hidden\ntwo',
      REDIS_HOST: 'redis://:hidden/three@redis.internal',
      API_BASE_URL: 'https://admin:hidden-four@api.example.com',
    }
    const problems = problemWith(env)
    expect(problems).toHaveLength(4)
    expect(problems.join('\n')).not.toContain('hidden')
  })
})

describe('keys in the wrong place are told by name:', () => {
  test.each([
    ['R2_ENDPOINT', 'CLOUDFLARE_R2_ENDPOINT'],
    ['R2_ACCESS_KEY', 'CLOUDFLARE_R2_ACCESS_KEY'],
    ['R2_ACCESS_KEY', 'CLOUDFLARE_R2_ACCESS_KEY_ID'],
    ['R2_SECRET_KEY', 'CLOUDFLARE_R2_SECRET_ACCESS_KEY'],
    ['R2_BUCKET', 'CLOUDFLARE_R2_BUCKET'],
    ['R2_BUCKET', 'VIDEO_BUCKET_NAME'],
    ['REDIS_HOST', 'REDIS_URL'],
  ])('%s under %s', (proper, other) => {
    const env = { ...required, [proper]: undefined, [other]: 'secret-value' }
    const problem = `${proper} is required and not set (${other} is set but not read: use ${proper})`
    expect(problemsOf(env)).toEqual([problem])
    // both set: the proper one is used, and nobody minds
    expect(problemWith({ [other]: 'secret-value' })).toEqual([])
  })

  test('an optional one as well, since it would silently be left out', () => {
    const problem = 'CLOUDFLARE_R2_PREFIX is set but not read: use R2_PREFIX'
    expect(problemWith({ CLOUDFLARE_R2_PREFIX: 'x/' })).toEqual([problem])
  })

  test('the keys of R2 in the variables of AWS, which broke the queue once (lesson 32)', () => {
    const keys = { AWS_ACCESS_KEY_ID: required.R2_ACCESS_KEY, AWS_SECRET_ACCESS_KEY: required.R2_SECRET_KEY }
    expect(problemWith(keys)).toEqual([
      expect.stringContaining('AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY hold'),
    ])
    expect(problemWith({ AWS_ACCESS_KEY_ID: 'AKIA', AWS_SECRET_ACCESS_KEY: 'aws' })).toEqual([])
  })

  test('the address of R2 as the address of AWS (lesson 32)', () => {
    for (const name of ['AWS_ENDPOINT_URL', 'AWS_ENDPOINT_URL_SQS']) {
      expect(problemWith({ [name]: `${required.R2_ENDPOINT}/` })).toEqual([
        expect.stringContaining('address of R2'),
      ])
    }
  })

  test('nothing of R2 ends in what is configured for AWS', () => {
    const { queue, awsRegion } = loadConfig({ ...required, R2_REGION: 'weur' })
    expect(JSON.stringify({ queue, awsRegion })).not.toMatch(/r2|weur/)
  })
})

describe('the effective configuration', () => {
  const secrets = {
    REDIS_PASSWORD: 'redis-pw',
    INTERNAL_TOKEN: 'catalog-token',
    CATALOG_API_BASE: 'https://c.example.com',
  }

  test('is described by environment name, every variable, without a secret', () => {
    const shown = describeConfig(loadConfig({ ...required, ...secrets }))
    expect(Object.keys(shown)).toEqual(leavesOf(schema).map(({ variable }) => variable.env))
    const text = JSON.stringify(shown)
    for (const secret of ['worker-token', 'r2-key', 'r2-secret', 'redis-pw', 'catalog-token']) {
      expect(text).not.toContain(secret)
    }
    expect(shown).toMatchObject({
      R2_SECRET_KEY: '[set]',
      REDIS_HOST: 'redis.internal',
      VIDEO_SQS_DLQ_NAME: 'academy-video-jobs-dlq',
      SCRATCH_MIN_FREE_MB: 2048,
      AWS_ENDPOINT_URL_SQS: '',
    })
    expect(describeConfig(loadConfig(required)).REDIS_PASSWORD).toBe('[not set]')
  })

  test('can be loaded again from its description, secrets added', () => {
    const config = loadConfig({ ...required, ...secrets })
    const shown = Object.entries(describeConfig(config)).map(([name, value]) => [name, String(value)])
    expect(loadConfig({ ...Object.fromEntries(shown), ...required, ...secrets })).toEqual(config)
  })

  test('has a hash that changes with every variable, secrets included, but not with the host (lesson 34)', () => {
    const hash = (more: Env) => configHash(loadConfig({ ...required, ...more }))
    expect(hash({})).toMatch(/^[\da-f]{12}$/)
    expect(hash({ WORKER_ID: 'another' })).toBe(hash({}))
    expect(hash({ AWS_ENDPOINT_URL_SQS: ' ' })).toBe(hash({}))
    const changes = [{}, { R2_SECRET_KEY: 'rotated' }, { REDIS_PASSWORD: 'x' }, { HLS_TIME_SECONDS: '4' }]
    expect(new Set(changes.map(hash)).size).toBe(changes.length)
  })
})
