import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { close, handler } from '../../../deploy/backlog/main-lambda.ts'
import { openPublisher, type Publisher } from '../../../deploy/backlog/open.ts'
import { publishBacklog } from '../../../deploy/backlog/publish.ts'
import { loadBacklogConfig } from '../../../shared/config-backlog.ts'
import { backlogKey } from '../../../shared/keys.ts'
import { type AwsScaling, startAwsScaling } from '../../local/aws-scaling.ts'
import { type Stack, startStack } from '../../local/stack.ts'
import { names, secrets } from '../../local/stack-env.ts'
import { runBacklog } from './run.ts'

const group = 'video-workers'
const extra = 'academy-ai-jobs-lite'

let dir: string
let stack: Stack
let aws: AwsScaling
const open: Publisher[] = []
const before = { ...process.env }

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'backlog-test-'))
  ;[stack, aws] = await Promise.all([startStack({ dir, events: false }), startAwsScaling()])
  await stack.sqs.createQueue(extra)
  // The SDK's own chain of credentials, as in a Lambda.
  Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'local', AWS_SECRET_ACCESS_KEY: 'local' })
})
afterEach(async () => {
  for (const each of open.splice(0)) each.close()
  aws.data.length = 0
  aws.groups.clear()
  for (const { faults } of [aws, stack.sqs, stack.api]) faults.clear()
  await stack.sqs.drain(names.queue)
  await stack.redisClient.flushall()
})
afterAll(async () => {
  process.env = before
  await aws?.close()
  await stack?.close()
  await rm(dir, { recursive: true, force: true })
})

const environment = (more: Record<string, string> = {}): Record<string, string> => ({
  ...{ VIDEO_BACKLOG_API_INTERNAL: `${stack.api.baseUrl}/api/v1/internal/video/backlog-count/` },
  ...{ LAMBDA_INTERNAL_API_KEY: secrets.internalKey, AUTO_SCALING_GROUP_NAME: group },
  ...{
    VIDEO_SQS_QUEUE_NAME: names.queue,
    AWS_REGION: names.region,
    AWS_ENDPOINT_URL_SQS: stack.sqs.endpoint,
  },
  ...{ AWS_ENDPOINT_URL_CLOUDWATCH: aws.endpoint, AWS_ENDPOINT_URL_AUTO_SCALING: aws.endpoint },
  ...{ REDIS_HOST: stack.redis.host, REDIS_PORT: String(stack.redis.port) },
  ...{ BACKLOG_SETTLE_SECONDS: '0', BACKLOG_DRIFT_SECONDS: '0.1' },
  ...{ AWS_ACCESS_KEY_ID: 'local', AWS_SECRET_ACCESS_KEY: 'local', AWS_EC2_METADATA_DISABLED: 'true' },
  ...more,
})
async function publish(more: Record<string, string> = {}, dryRun = false) {
  const publisher = openPublisher(loadBacklogConfig(environment(more)))
  open.push(publisher)
  const run = await publishBacklog(publisher, { dryRun, signal: AbortSignal.timeout(60_000) })
  return { ...run, codes: run.errors.map(({ code }) => code) }
}
const figures = () => aws.data.map(({ name, value }) => [name, value])
const job = (count: number) =>
  Promise.all(
    Array.from({ length: count }, (_, index) =>
      stack.sendJob({ tenantId: 7, videoId: index + 1, fileKey: 'tenants/7/video/raw/a/b.mp4' }),
    ),
  )

describe('published is', () => {
  test('what waits, in all and for each instance in service', async () => {
    aws.groups.set(group, ['InService', 'InService', 'Terminating:Wait', 'Pending'])
    await job(5)
    const { answer, codes } = await publish()
    expect(codes).toEqual([])
    expect(answer).toMatchObject({
      ...{ video_queue_depth: 5, video_backlog_count: 5, video_backlog_per_instance: 2.5, drift: 0 },
      ...{ instances: 2, unknown: {}, counters: [], dry_run: false },
    })
    expect(figures()).toEqual([
      ['BacklogCount', 5],
      ['BacklogPerInstance', 2.5],
      ['BacklogDrift', 0],
    ])
    for (const { namespace, unit, dimensions } of aws.data) {
      expect([namespace, unit]).toEqual(['Academy/VideoProcessing', 'Count'])
      expect(dimensions).toEqual({ WorkerType: 'Video', AutoScalingGroupName: group })
    }
  })

  test('zero when nothing waits, and the backlog itself without instances', async () => {
    aws.groups.set(group, [])
    await publish()
    expect(figures().map(([, value]) => value)).toEqual([0, 0, 0])
    aws.data.length = 0
    await job(3)
    await publish()
    expect(figures().map(([, value]) => value)).toEqual([3, 3, 0])
  })

  test('the depth of the extra queues, under their own names', async () => {
    aws.groups.set(group, [])
    const { answer, codes } = await publish({ EXTRA_QUEUES: `AI=${extra},Messaging=not-there` })
    expect(answer.extra_queues).toEqual({ AI: 0, Messaging: null })
    expect(answer.unknown['extra_queues.Messaging']).toMatch(/no queue not-there/)
    expect(codes).toEqual(['config_invalid'])
    expect(aws.data.at(-1)).toMatchObject({ namespace: 'Academy/Workers', name: 'QueueDepth', value: 0 })
    expect(aws.data).toHaveLength(4)
  })

  test('nothing with --dry-run, whose answer is the same', async () => {
    aws.groups.set(group, ['InService'])
    await job(2)
    await stack.redisClient.set(backlogKey(7), 9)
    const { answer } = await publish({}, true)
    expect(answer).toMatchObject({ video_backlog_count: 9, drift: 7, published: [], dry_run: true })
    expect(aws.data).toEqual([])
    expect(await stack.backlog(7)).toBe(9)
  })
})

describe('nothing is published, and the error has a name, when', () => {
  const url = (path: string) => ({ VIDEO_BACKLOG_API_INTERNAL: `${stack.api.baseUrl}${path}` })
  /** An API that answers everything so. */
  async function answering(status: number, body: string, type = 'application/json') {
    const server = createServer((_, response) =>
      response.writeHead(status, { 'content-type': type }).end(body),
    )
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    try {
      return await publish({ VIDEO_BACKLOG_API_INTERNAL: `http://127.0.0.1:${port}/backlog-count` })
    } finally {
      await new Promise((resolve) => server.close(resolve))
    }
  }

  test.each([
    ['the host name is refused', 400, '<h1>Bad Request (400)</h1>', 'backlog_host_refused'],
    ['the key is refused', 403, '{"detail":"wrong key"}', 'backlog_key_refused'],
    ['a proxy refuses us', 403, '<html>Forbidden</html>', 'backlog_access_refused'],
    ['the address redirects', 301, '', 'backlog_missing'],
    ['the API fails', 500, 'oops', 'backlog_failed'],
    ['the answer is a page', 200, '<html>login</html>', 'backlog_invalid'],
    ['the answer has no count', 200, '{"ok":true}', 'backlog_invalid'],
    ['the count is negative', 200, '{"backlog":-1}', 'backlog_invalid'],
    ['the count is a text', 200, '{"backlog":"0"}', 'backlog_invalid'],
    ['the count is null', 200, 'null', 'backlog_invalid'],
  ])('%s', async (_, status, body, code) => {
    aws.groups.set(group, ['InService'])
    const { answer, codes } = await answering(status, body)
    expect(codes).toEqual([code])
    expect(answer).toMatchObject({ video_backlog_count: null, video_backlog_per_instance: null, drift: null })
    expect(answer.unknown.video_backlog_count).toContain(code)
    expect([answer.published, aws.data]).toEqual([[], []])
  })

  test('the key is wrong, the address is, or nobody listens there', async () => {
    aws.groups.set(group, ['InService'])
    const wrongKey = await publish({ LAMBDA_INTERNAL_API_KEY: 'wrong' })
    expect(wrongKey.codes).toEqual(['backlog_key_refused'])
    expect(JSON.stringify(wrongKey)).not.toContain('"wrong"')
    expect((await publish(url('/nothing/here'))).codes).toEqual(['backlog_missing'])
    const nobody = await publish({ VIDEO_BACKLOG_API_INTERNAL: 'http://127.0.0.1:1/backlog-count/' })
    expect(nobody.codes).toEqual(['backlog_unreachable'])
    expect(aws.data).toEqual([])
  })

  test('the API does not answer in time', async () => {
    aws.groups.set(group, ['InService'])
    stack.api.faults.failNext({ operation: 'backlog-count' }, { stall: true })
    expect((await publish({ VIDEO_BACKLOG_TIMEOUT_SECONDS: '0.2' })).codes).toEqual(['backlog_unreachable'])
  })

  test('Redis is away, so that the API cannot count: no zero', async () => {
    aws.groups.set(group, ['InService'])
    await stack.redis.kill()
    const { codes, answer } = await publish()
    await stack.redis.restart()
    expect(codes).toEqual(['backlog_failed'])
    expect(answer.video_backlog_count).toBeNull()
    expect(aws.data).toEqual([])
  })

  test('the queue or the group cannot be learned', async () => {
    const missing = await publish()
    expect(missing.codes).toEqual(['group_missing'])
    expect(missing.answer).toMatchObject({ video_backlog_count: 0, instances: null })
    aws.groups.set(group, ['InService'])
    aws.faults.failNext({ operation: 'DescribeAutoScalingGroups' }, { status: 403, code: 'AccessDenied' })
    expect((await publish()).codes).toEqual(['group_refused'])
    const sqs = { operation: 'GetQueueAttributes' }
    stack.sqs.faults.failNext(sqs, { status: 403, code: 'AccessDenied', times: 2 })
    expect((await publish()).codes).toEqual(['config_invalid'])
    expect(aws.data).toEqual([])
  })

  test('CloudWatch does not take it', async () => {
    aws.groups.set(group, ['InService'])
    aws.faults.failNext({ operation: 'PutMetricData' }, { status: 403, code: 'AccessDeniedException' })
    const refused = await publish()
    expect(refused.codes).toEqual(['metric_refused'])
    expect(refused.answer).toMatchObject({ published: [], video_backlog_count: 0 })
    aws.faults.failNext({ operation: 'PutMetricData' }, { status: 500, times: 3 })
    expect((await publish()).codes).toEqual(['metric_unavailable'])
    // A single failure is tried again.
    aws.faults.failNext({ operation: 'PutMetricData' }, { status: 500 })
    expect((await publish()).codes).toEqual([])
  })
})

describe('a counter that is wrong', () => {
  test('is published as drift, and repaired once it has been wrong for long enough', async () => {
    aws.groups.set(group, [])
    await stack.redisClient.set(backlogKey(7), 20)
    const first = await publish()
    expect(first.answer).toMatchObject({ drift: 20, counters: [{ wrong: 20, result: 'left' }] })
    let last = first
    for (let minute = 0; minute < 9 && last.answer.counters[0]?.result === 'left'; minute++)
      last = await publish()
    expect(last.answer.counters).toMatchObject([{ counter: backlogKey(7), wrong: 20, result: 'repaired' }])
    expect((await publish()).answer).toMatchObject({ video_backlog_count: 0, drift: 0, counters: [] })
    expect(
      aws.data
        .filter(({ name }) => name === 'BacklogDrift')
        .map(({ value }) => value)
        .at(-1),
    ).toBe(0)
  })

  test('is left without Redis, which is said and stops nothing', async () => {
    aws.groups.set(group, [])
    await stack.redisClient.set(backlogKey(7), 20)
    const { answer, codes } = await publish({ REDIS_HOST: '' })
    expect(codes).toEqual([])
    expect(answer.unknown.counters).toMatch(/REDIS_HOST is not set/)
    expect(figures()).toContainEqual(['BacklogDrift', 20])
  })
})

describe('as a process', () => {
  test('it prints its answer, or the error’s code, and exits by it', async () => {
    aws.groups.set(group, [])
    const [good, refused, wrong] = await Promise.all([
      runBacklog(['--dry-run'], environment()),
      runBacklog([], environment({ LAMBDA_INTERNAL_API_KEY: 'wrong' })),
      runBacklog([], { AWS_REGION: 'x' }),
    ])
    expect([good.code, good.stderr]).toEqual([0, ''])
    expect(JSON.parse(good.stdout)).toMatchObject({ video_backlog_count: 0, dry_run: true })
    expect(refused.code).toBe(1)
    expect(refused.stderr).toMatch(/^backlog_key_refused: /)
    expect(JSON.parse(refused.stdout)).toMatchObject({ video_backlog_count: null })
    expect(wrong.code).toBe(78)
    expect(wrong.stderr).toContain('VIDEO_BACKLOG_API_INTERNAL is required')
    expect(aws.data).toEqual([])
  })

  test('as a Lambda’s handler it resolves to the answer, or fails with the code as its name', async () => {
    aws.groups.set(group, ['InService'])
    Object.assign(process.env, environment())
    expect(await handler({ dry_run: true })).toMatchObject({ video_backlog_count: 0, dry_run: true })
    expect(aws.data).toEqual([])
    expect(await handler({}, { getRemainingTimeInMillis: () => 30_000 })).toMatchObject({ dry_run: false })
    expect(aws.data).toHaveLength(3)
    stack.api.faults.failNext({ operation: 'backlog-count' }, { status: 500 })
    await expect(handler()).rejects.toMatchObject({ name: 'backlog_failed' })
    close()
  })
})
