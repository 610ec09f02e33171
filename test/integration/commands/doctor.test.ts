/** `doctor` where all is well, and with each thing that it looks at broken. */
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import type { Finding } from '../../../deploy/commands/finding.ts'
import { pingKey } from '../../../shared/keys.ts'
import { startScalingServer } from '../../local/auto-scaling.ts'
import { commandLine } from '../../local/commands.ts'
import { startMetadataServer } from '../../local/imds.ts'
import { type Stack, startStack } from '../../local/stack.ts'
import { names } from '../../local/stack-env.ts'

let dir: string
let stack: Stack
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'doctor-test-'))
  stack = await startStack({ dir: join(dir, 'stack') })
})
afterEach(() => {
  for (const part of [stack.sqs, stack.s3, stack.api]) part.faults.clear()
})
afterAll(async () => {
  await stack?.close()
  await rm(dir, { recursive: true, force: true })
})

/** Scratch of any size will do: the disk of the tests is whatever it is. */
const own = { SCRATCH_MIN_FREE_MB: '1' }
async function examine(overrides: Record<string, string | undefined> = {}) {
  const ended = await commandLine(stack.env({ ...own, ...overrides }))(['doctor', '--json'])
  return { ...ended, findings: ended.json.findings as Finding[] }
}
const bad = (findings: readonly Finding[]) =>
  findings
    // How quick Redis is on a busy machine is not the tests' business.
    .filter(({ level, found }) => level !== 'ok' && !found.includes('ms to answer'))
    .map(({ level, area, found, todo }) => {
      expect(todo).not.toBe('')
      return `${level} ${area}: ${found}`
    })

test('all is well: every line is ok, and nothing is left behind', async () => {
  const before = await readdir(dir)
  const { exit, findings, json } = await examine()
  expect(bad(findings)).toEqual([])
  expect([exit, json.ok]).toEqual([0, true])
  const found = findings.map(({ area, what, found }) => `${area} ${what}: ${found}`)
  for (const queue of [names.queue, names.deadLetter])
    expect(found).toContain(
      `queue ${queue}: allowed: SendMessage, ReceiveMessage, DeleteMessage, ChangeMessageVisibility`,
    )
  expect(found).toContain(
    'bucket videos: write, read, range, only if absent, list, multipart, delete'.replace(
      'videos',
      stack.s3.bucket,
    ),
  )
  expect(found).toContainEqual(
    expect.stringMatching(/^redis .*scripts: claimed, renewed and ended a record$/),
  )
  expect(found).toContainEqual(expect.stringMatching(/^api .*takes the token \(404\)$/))
  expect(found).toContainEqual('host ffmpeg: every encoder, muxer and filter is there')
  expect(await readdir(dir)).toEqual(before)
  // Goes by itself within a minute.
  expect(await stack.redisClient.keys('*')).toEqual([pingKey])
  expect(await stack.queueCounts()).toEqual({ waiting: 0, inFlight: 0, delayed: 0, dead: 0 })
  for await (const { key } of stack.storage.list('.video-worker/', new AbortController().signal))
    throw new Error(key)
  const text = await commandLine(stack.env(own))(['doctor'])
  for (const secret of ['local-worker-token', 'local-catalog-token', stack.s3.secretKey])
    expect(text.out).not.toContain(secret)
  expect(text.out).toMatch(/\n\d+ ok, \d warn, 0 fail\n$/)
})

test('each refusal and each absence has its own line, and the rest is tried all the same', async () => {
  const refuse = (operation: string, key = names.queue) =>
    stack.sqs.faults.failNext({ operation, key }, { status: 403, code: 'AccessDenied', times: 99 })
  refuse('SendMessage')
  refuse('ReceiveMessage', names.deadLetter)
  stack.s3.faults.failNext({ operation: 'CreateMultipartUpload' }, { status: 403, times: 99 })
  const file = join(dir, 'file')
  await writeFile(file, '')
  const { exit, findings, err } = await examine({
    ...{ INTERNAL_WORKER_TOKEN: 'another', FFPROBE_BIN: join(dir, 'none'), REDIS_PORT: '9' },
    ...{ VIDEO_WORKER_TEMP_DIR: join(file, 'scratch'), DRAIN_SECONDS: '300' },
  })
  expect([exit, JSON.parse(err).error.code]).toEqual([1, 'failed'])
  expect(bad(findings)).toEqual([
    expect.stringMatching(/^fail host: VIDEO_WORKER_TEMP_DIR .* cannot be written: .*ENOTDIR/),
    expect.stringMatching(/^fail host: .*none cannot be run: it is not there$/),
    'fail queue: SendMessage is refused: AccessDenied',
    'warn queue: ReceiveMessage is refused: AccessDenied',
    'fail bucket: multipart: AccessDenied (403)',
    expect.stringMatching(/^fail redis: Redis did not answer ping/),
    'fail api: refuses the token (401)',
    'warn timeouts: DRAIN_SECONDS 300',
  ])
})

test('a wrong variable silences its own area only, a queue that is not there the queue', async () => {
  const { findings } = await examine({
    ...{
      R2_ENDPOINT: undefined,
      REDIS_PORT: 'x',
      VIDEO_SQS_DLQ_NAME: 'other',
      API_BASE_URL: 'http://127.0.0.1:9',
    },
  })
  expect(bad(findings)).toEqual([
    'fail config: R2_ENDPOINT is required and not set',
    expect.stringContaining('fail config: REDIS_PORT must be a whole number'),
    'fail queue: There is no queue other in this region and account',
    'fail bucket: its variables are wrong or missing',
    'fail redis: its variables are wrong or missing',
    'fail api: does not answer (ECONNREFUSED)',
    'fail clock: its variables are wrong or missing',
  ])
})

test('an instance is asked for its group, its hook and its rights, and stays as it is', async () => {
  const hook = { name: 'leave', transition: 'TERMINATING' as const, heartbeatSeconds: 60 }
  const scaling = await startScalingServer({ group: 'workers', hooks: [hook] })
  const metadata = await startMetadataServer({
    paths: { 'instance-id': 'i-1', 'tags/instance/aws:autoscaling:groupName': 'workers' },
  })
  scaling.add('i-1')
  const instance = {
    AWS_EC2_METADATA_DISABLED: undefined,
    AWS_EC2_METADATA_SERVICE_ENDPOINT: metadata.endpoint,
  }
  const env = { ...instance, AWS_ENDPOINT_URL_AUTO_SCALING: scaling.endpoint }
  try {
    const { findings } = await examine(env)
    const lines = findings
      .filter(({ area }) => area === 'instance')
      .map(({ level, found }) => `${level} ${found}`)
    expect(lines).toEqual([
      'ok instance i-1, IMDSv2',
      'warn hook leave waits 60 s',
      'ok allowed: RecordLifecycleActionHeartbeat',
      'ok allowed: SetInstanceProtection',
    ])
    expect(scaling.isProtected('i-1')).toBe(false)
    const denied = { status: 403, code: 'AccessDenied', times: 99 }
    scaling.faults.failNext({ operation: 'SetInstanceProtection' }, denied)
    metadata.set('tags/instance/aws:autoscaling:groupName', undefined)
    const named = await examine({ ...env, AUTO_SCALING_GROUP_NAME: 'workers' })
    expect(bad(named.findings)[1]).toContain('AccessDenied')
    expect(bad((await examine(env)).findings)).toEqual(['warn instance: no Auto Scaling group is known'])
  } finally {
    await metadata.close()
    await scaling.close()
  }
})
