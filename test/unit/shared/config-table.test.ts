import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from '@jest/globals'
import { configWarnings } from '../../../shared/config-rules.ts'
import { schema } from '../../../shared/config-schema.ts'
import { configTable } from '../../../shared/config-table.ts'
import { leavesOf } from '../../../shared/config-variable.ts'

const variables = leavesOf(schema).map(({ variable }) => variable)

describe('the schema', () => {
  test('names each variable once and documents it', () => {
    const names = variables.map(({ env }) => env)
    expect(new Set(names).size).toBe(names.length)
    for (const { env, doc } of variables)
      expect([env, doc]).toEqual([env, expect.stringMatching(/^.{5,}[^.]$/)])
  })

  test('marks everything sensitive that sounds so', () => {
    for (const { env, sensitive } of variables) {
      if (/TOKEN|SECRET|PASSWORD|ACCESS_KEY/.test(env)) expect([env, sensitive]).toEqual([env, true])
    }
  })

  test('requires exactly what the contract does', () => {
    const required = variables.filter((variable) => variable.default === null && !variable.shown)
    expect(required.map(({ env }) => env).sort()).toEqual([
      'API_BASE_URL',
      'AWS_REGION',
      'INTERNAL_WORKER_TOKEN',
      'R2_ACCESS_KEY',
      'R2_BUCKET',
      'R2_ENDPOINT',
      'R2_SECRET_KEY',
      'REDIS_HOST',
      'VIDEO_SQS_QUEUE_NAME',
    ])
  })
})

describe('the table', () => {
  const rows = configTable().split('\n')

  test('has a row for each variable, in the order of the schema', () => {
    expect(rows.slice(2).map((row) => /^\| `(\w+)` \|/.exec(row)?.[1])).toEqual(
      variables.map(({ env }) => env),
    )
    for (const row of rows) expect([row, row.match(/(?<!\\)\|/g)?.length]).toEqual([row, 4])
  })

  test('shows what is required, defaults and ranges', () => {
    expect(rows.find((row) => row.includes('`R2_ENDPOINT`'))).toContain('| **required** |')
    expect(rows.find((row) => row.includes('`REDIS_PORT`'))).toBe(
      '| `REDIS_PORT` | `6379` | Redis port (1 to 65535) |',
    )
  })

  test('says nothing about the machine it was made on', () => {
    expect(configTable()).not.toContain('/tmp')
  })

  test('is what the command prints, with no environment at all', () => {
    const script = fileURLToPath(new URL('../../../shared/config-table.ts', import.meta.url))
    const printed = execFileSync(process.execPath, [script], { env: {}, encoding: 'utf8' })
    expect(printed.trimEnd()).toBe(configTable())
  })
})

describe('a warning is given for', () => {
  test('a name that is nearly one of ours', () => {
    expect(configWarnings({ VIDEO_JOB_MAX_ATEMPTS: '5', R2_BUCKETS: 'a' })).toEqual([
      'VIDEO_JOB_MAX_ATEMPTS is not known: did you mean VIDEO_JOB_MAX_ATTEMPTS?',
      'R2_BUCKETS is not known: did you mean R2_BUCKET?',
    ])
  })

  test('two names of one thing that differ', () => {
    const warning = 'R2_VIDEO_BUCKET and R2_BUCKET are both set and differ: R2_BUCKET is used'
    expect(configWarnings({ R2_VIDEO_BUCKET: 'a', R2_BUCKET: 'b' })).toEqual([warning])
    expect(configWarnings({ R2_VIDEO_BUCKET: 'a', R2_BUCKET: 'a' })).toEqual([])
  })

  test('half a catalogue', () => {
    expect(configWarnings({ INTERNAL_TOKEN: 'x' })).toEqual([
      expect.stringContaining('catalogue are skipped'),
    ])
  })

  test('nothing that any shell, AWS, npm or the product itself sets', () => {
    const usual = ['PATH', 'HOME', 'HTTP_PROXY', 'NO_PROXY', 'NODE_ENV', 'NODE_OPTIONS', 'TMPDIR', 'HOSTNAME']
    const aws = ['AWS_DEFAULT_REGION', 'AWS_PROFILE', 'AWS_ROLE_ARN', 'AWS_ACCESS_KEY_ID', 'AWS_ENDPOINT_URL']
    const product = ['LAMBDA_INTERNAL_API_KEY', 'VIDEO_BACKLOG_API_INTERNAL', 'AUTO_SCALING_GROUP_NAME']
    const env = Object.fromEntries([...usual, ...aws, ...product].map((name) => [name, 'x']))
    expect(configWarnings({ ...env, npm_config_registry: 'x' })).toEqual([])
  })
})
