import os from 'node:os'
import path from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { configHash, describeConfig, type Env, loadConfig } from '../../../shared/config.ts'
import { schema } from '../../../shared/config-schema.ts'
import { leavesOf } from '../../../shared/config-variable.ts'
import { required } from './config-required.ts'

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
