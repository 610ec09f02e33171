import { describe, expect, test } from '@jest/globals'
import { type Env, loadConfig } from '../../../shared/config.ts'
import { WorkerError } from '../../../shared/errors.ts'
import { required } from './config-required.ts'

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
