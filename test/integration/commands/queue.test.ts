/** The commands that need no worker, against the embedded stack: messages, records and counters are really there. */
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { CommandError } from '../../../deploy/commands/errors.ts'
import { jobRecordKey } from '../../../shared/keys.ts'
import { partBody } from '../../../shared/message-parts.ts'
import { commandLine } from '../../local/commands.ts'
import { type Stack, startStack } from '../../local/stack.ts'
import { names } from '../../local/stack-env.ts'

const tenant = 7
const { signal } = new AbortController()
let dir: string
let stack: Stack
let run: ReturnType<typeof commandLine>
let source: string

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'commands-test-'))
  stack = await startStack({ dir: join(dir, 'stack') })
  run = commandLine(stack.env())
  await writeFile(join(dir, 'a.mp4'), 'not really')
  source = await stack.upload(join(dir, 'a.mp4'), { tenantId: tenant })
})
afterEach(async () => {
  stack.sqs.faults.clear()
  await stack.redisClient.flushall()
  await stack.sqs.drain(names.queue)
  await stack.sqs.drain(names.deadLetter)
})
afterAll(async () => {
  await stack?.close()
  await rm(dir, { recursive: true, force: true })
})

const body = (jobId: string, videoId = 1) =>
  JSON.stringify({ job_id: jobId, video_id: videoId, tenant_id: tenant, file_key: source })
/** A job that was given up, as a worker leaves it: its message in the dead-letter queue, its record dead. */
async function dead(
  reason = 'encode_failed: it broke',
  input: { jobId?: string; group?: string; text?: string } = {},
) {
  const { jobId = randomUUID(), group, text } = input
  const groupId = group === undefined ? {} : { groupId: group }
  await stack.queue.park({ body: text ?? body(jobId), messageId: 'm-1', ...groupId }, reason, signal)
  await stack.redisClient.hset(jobRecordKey(jobId), {
    ...{ state: 'dead', revivable: 1, message: 'm-1', failures: 5, crashes: 2, token: 7, body: body(jobId) },
  })
  return jobId
}
const record = (jobId: string) => stack.redisClient.hgetall(jobRecordKey(jobId))
const deadBodies = async () => (await stack.sqs.messages(names.deadLetter)).map((message) => message.body)
const queued = () => stack.sqs.messages(names.queue)

describe('enqueue', () => {
  test('sends what the API sends, counted once before it is there', async () => {
    const jobId = randomUUID()
    const args = ['enqueue', source, '--video', '12', '--job-id', jobId, '--profile', 'academy', '--json']
    const { exit, json } = await run(args)
    expect(exit).toBe(0)
    const [message] = await queued()
    expect(JSON.parse(message!.body)).toEqual({
      ...{ job_id: jobId, video_id: 12, tenant_id: tenant, file_key: source, profile: 'academy' },
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    })
    expect(json).toMatchObject({
      jobId,
      tenantId: tenant,
      queue: names.queue,
      body: JSON.parse(message!.body),
    })
    expect(await stack.backlog(tenant)).toBe(1)
    expect(await record(jobId)).toMatchObject({
      state: 'waiting',
      waiting: '1',
      counter: 'tenant:7:video:backlog_count',
    })

    const again = await run(args)
    expect([again.exit, again.err]).toEqual([1, expect.stringContaining('it is waiting')])
    expect(await stack.backlog(tenant)).toBe(1)
    expect(await queued()).toHaveLength(1)
  })

  test('that cannot send leaves neither count nor record', async () => {
    stack.sqs.faults.failNext({ operation: 'SendMessage' }, { status: 500, times: 99 })
    const jobId = randomUUID()
    const { exit, err } = await run(['enqueue', source, '--video', '12', '--job-id', jobId, '--json'])
    expect(exit).toBe(69)
    expect(JSON.parse(err).error.code).toBe('queue_unavailable')
    expect(await stack.backlog(tenant)).toBe(0)
    expect(await record(jobId)).toEqual({})
  })

  test('knows a wrong key, a source that is not there, and what is missing', async () => {
    expect(await run(['enqueue', 'tenants/7/video/raw/a/b.mp4', '--video', '1'])).toMatchObject({ exit: 66 })
    const unchecked = await run(['enqueue', 'tenants/7/video/raw/a/b.mp4', '--video', '1', '--unchecked'])
    expect(unchecked.exit).toBe(0)
    const other = await run(['enqueue', source, '--video', '1', '--tenant', '8'])
    expect(other).toMatchObject({ exit: 64, err: expect.stringContaining('not under tenants/8/') })
    const elsewhere = await commandLine({ ...stack.env(), R2_BUCKET: 'nope' })([
      'enqueue',
      source,
      '--video',
      '1',
    ])
    expect(elsewhere).toMatchObject({
      exit: expect.any(Number),
      err: expect.stringContaining('There is no such bucket'),
    })
    expect(await run(['enqueue', source])).toMatchObject({ exit: 64 })
    expect(await run(['enqueue', source, '--video', 'one'])).toMatchObject({ exit: 64 })
  })
})

describe('dlq', () => {
  test('lists by reason and page, and shows every message again', async () => {
    const one = await dead()
    const two = await dead('output_invalid: too short')
    await stack.queue.park({ body: '{"broken', messageId: 'p-1' }, 'not JSON: {"broken', signal)
    const all = await run(['dlq', 'list', '--json'])
    expect(all.json.messages.map((line: { code: string }) => line.code).sort()).toEqual([
      'encode_failed',
      'output_invalid',
      'poison',
    ])
    expect(all.json.more).toBe(false)
    const first = await run(['dlq', 'list', '--limit', '2', '--json'])
    expect([first.json.messages.length, first.json.more]).toEqual([2, true])
    const next = await run(['dlq', 'list', '--limit', '2', '--skip', '2', '--json'])
    expect([next.json.messages.length, next.json.more]).toEqual([1, false])
    const picked = await run(['dlq', 'list', '--reason', 'too SHORT', '--json'])
    expect(picked.json.messages).toMatchObject([{ jobId: two, videoId: 1, tenantId: tenant, part: null }])
    const reasons = await run(['dlq', 'list', '--by-reason'])
    expect(reasons.out).toMatch(/^REASON +MESSAGES +OLDEST +FOR EXAMPLE\n/)
    const shown = await run(['dlq', 'show', one, '--json'])
    expect(shown.json.messages).toMatchObject([
      { jobId: one, reason: 'encode_failed: it broke', body: body(one) },
    ])
    expect(await run(['dlq', 'show', randomUUID()])).toMatchObject({ exit: 66 })
    expect(await stack.sqs.counts(names.deadLetter)).toMatchObject({ waiting: 3, inFlight: 0 })
  })

  test('redrives what is selected: body and group kept, record fresh, counted once', async () => {
    const one = await dead('encode_failed: it broke', { group: 'tenant-7' })
    const two = await dead('output_invalid: too short')
    const { exit, json } = await run(['dlq', 'redrive', '--reason', 'encode_failed', '--json'])
    expect([exit, json.sent, json.redriven]).toEqual([
      0,
      1,
      [expect.objectContaining({ jobId: one, result: 'sent' })],
    ])
    const [sent, ...others] = await queued()
    expect([sent!.body, others]).toEqual([body(one), []])
    expect(await groupOf(sent!.body)).toBe('tenant-7')
    expect(await record(one)).toMatchObject({
      state: 'waiting',
      waiting: '1',
      failures: '0',
      crashes: '0',
      token: '7',
    })
    expect(await stack.backlog(tenant)).toBe(1)
    expect(await deadBodies()).toEqual([body(two)])
    expect((await stack.sqs.counts(names.deadLetter)).inFlight).toBe(0)
  })

  test('starts a whole video again for its parts, once', async () => {
    const jobId = randomUUID()
    for (const index of [3, 4])
      await dead('encode_failed: x', {
        jobId,
        text: partBody(body(jobId), { type: 'chunk', index }),
        group: 'tenant-7',
      })
    const { json } = await run(['dlq', 'redrive', '--job', jobId, '--json'])
    expect(json.redriven.map((each: { result: string }) => each.result)).toEqual(['sent', 'with_its_job'])
    expect((await queued()).map((message) => message.body)).toEqual([body(jobId)])
    expect([await stack.backlog(tenant), await deadBodies()]).toEqual([1, []])
  })

  test('loses nothing when the queue is away, or when it is interrupted, and ends it the next time', async () => {
    const jobs = [await dead(), await dead(), await dead()]
    const refusal = stack.sqs.faults.failNext(
      { operation: 'SendMessage', key: names.queue },
      { status: 500, times: 99 },
    )
    expect(await run(['dlq', 'redrive', '--all'])).toMatchObject({ exit: 69 })
    expect(await deadBodies()).toHaveLength(3)
    expect((await record(jobs[0]!)).state).toBe('dead')
    expect(await stack.backlog(tenant)).toBe(0)
    refusal.remove()
    // Sent, and cut off before it could be deleted.
    const stop = new AbortController()
    const stall = stack.sqs.faults.failNext(
      { operation: 'DeleteMessage', key: names.deadLetter },
      { stall: true },
    )
    const running = run(['dlq', 'redrive', '--all'], { signal: stop.signal })
    while (stall.hits() === 0) await new Promise((resolve) => setImmediate(resolve))
    stop.abort(new CommandError('interrupted', 'Interrupted.'))
    expect(await running).toMatchObject({ exit: 130 })
    expect(await deadBodies()).toHaveLength(3)
    expect((await stack.sqs.counts(names.deadLetter)).inFlight).toBe(0)
    expect(await run(['dlq', 'redrive', '--all'])).toMatchObject({ exit: 0 })
    const bodies = (await queued()).map((message) => message.body)
    expect(new Set(bodies)).toEqual(new Set(jobs.map((jobId) => body(jobId))))
    expect([await stack.backlog(tenant), await deadBodies()]).toEqual([3, []])
  })

  test('only deletes the message of a job that is done meanwhile', async () => {
    const jobId = await dead()
    await stack.redisClient.hset(jobRecordKey(jobId), 'state', 'done')
    const { json } = await run(['dlq', 'redrive', '--all', '--json'])
    expect(json.redriven).toMatchObject([{ jobId, result: 'done_already' }])
    expect([await queued(), await deadBodies()]).toEqual([[], []])
  })

  test('drops by reason, and only when somebody has said yes', async () => {
    await dead('encode_failed: it broke')
    await stack.queue.park({ body: 'x', messageId: 'p' }, 'not JSON: "x"', signal)
    const drop = ['dlq', 'drop', '--reason', 'poison']
    expect(await run(drop)).toMatchObject({ exit: 77, err: expect.stringContaining('--yes') })
    const asked: string[] = []
    const no = await run(drop, {
      ask: async (question) => {
        asked.push(question)
        return 'no'
      },
    })
    expect([no.exit, asked]).toEqual([130, ['Delete 1 dead message for good (poison)? [y/N] ']])
    expect(await deadBodies()).toHaveLength(2)
    expect(await run(drop, { ask: async () => 'y' })).toMatchObject({ exit: 0 })
    expect((await stack.sqs.messages(names.deadLetter)).map((message) => message.attributes.reason)).toEqual([
      'encode_failed: it broke',
    ])
    expect(await run(['dlq', 'drop'])).toMatchObject({ exit: 64 })
    expect(await run(['dlq', 'drop', '--all', '--reason', 'x', '--yes'])).toMatchObject({ exit: 64 })
  })
})

describe('job', () => {
  test('retry takes the message from the dead-letter queue, or else from the record', async () => {
    const parked = await dead()
    const rejected = await dead()
    await stack.sqs.drain(names.deadLetter)
    await dead('encode_failed: x', { jobId: parked })
    expect(await run(['job', 'retry', parked, '--json'])).toMatchObject({
      json: { before: 'dead', removedDeadLetters: 1 },
    })
    expect(await run(['job', 'retry', rejected, '--json'])).toMatchObject({ json: { removedDeadLetters: 0 } })
    expect((await queued()).map((message) => message.body)).toEqual([body(parked), body(rejected)])
    expect([await stack.backlog(tenant), await deadBodies()]).toEqual([2, []])
    expect(await run(['job', 'retry', parked])).toMatchObject({
      exit: 1,
      err: expect.stringContaining('it is waiting'),
    })
    await stack.redisClient.hset(jobRecordKey(parked), 'state', 'done')
    expect(await run(['job', 'retry', parked])).toMatchObject({
      exit: 1,
      err: expect.stringContaining('is done'),
    })
    expect(await run(['job', 'retry', randomUUID()])).toMatchObject({ exit: 66 })
    expect(await run(['job', 'retry', 'no/job'])).toMatchObject({ exit: 64 })
    expect(await run(['job', 'cancel', 'a-slip', '--yes'])).toMatchObject({ exit: 64 })
    expect(await run(['job', 'cancel', randomUUID(), '--yes'])).toMatchObject({
      exit: 0,
      out: expect.stringContaining('is not known yet'),
    })
  })

  test('show tells what is known, and that nothing is', async () => {
    const jobId = await dead()
    const { out } = await run(['job', 'show', jobId])
    expect(out).toContain(`job:       ${jobId}\nstate:     dead\n`)
    expect(out).toContain('5 failed, 2 crashed')
    expect((await run(['job', 'show', jobId, '--json'])).json).toMatchObject({
      tenantId: tenant,
      failures: 5,
    })
    expect(await run(['job', 'show', randomUUID()])).toMatchObject({ exit: 66 })
  })
})

describe('reconcile', () => {
  test('tells what it would do, asks, and then does it', async () => {
    const jobId = randomUUID()
    const longAgo = Date.now() - 25 * 3_600_000
    await stack.redisClient.set(`tenant:${tenant}:video:backlog_count`, 1)
    await stack.redisClient.hset(jobRecordKey(jobId), {
      ...{ state: 'waiting', waiting: 1, updated: longAgo, sent: longAgo, body: body(jobId) },
      counter: `tenant:${tenant}:video:backlog_count`,
    })
    const found = await run(['reconcile', '--only', 'jobs,counters', '--json'])
    expect(found).toMatchObject({ exit: 0, json: { applied: false } })
    expect(found.json.results).toMatchObject([
      { result: 'would', finding: { code: 'job_without_message', what: jobId } },
    ])
    expect(await queued()).toEqual([])
    expect(await run(['reconcile', '--apply'])).toMatchObject({ exit: 77 })
    const done = await run(['reconcile', '--apply'], { ask: async () => 'yes' })
    expect(done).toMatchObject({ exit: 0, out: expect.stringContaining('repaired  job_without_message') })
    expect((await queued()).map((message) => message.body)).toEqual([body(jobId)])
    // Sent once for one loss, however often it is asked for.
    expect((await run(['reconcile', '--apply', '--yes'])).out).toMatch(/^changed +job_without_message/m)
    expect(await queued()).toHaveLength(1)
  })

  test('knows its areas, and says what it could not look at', async () => {
    expect(await run(['reconcile', '--only', 'jobs,all'])).toMatchObject({ exit: 64 })
    const away = commandLine(stack.env({ REDIS_PORT: '9' }))
    const { exit, json } = await away(['reconcile', '--json'])
    expect([exit, json.results.map(({ result }: { result: string }) => result)]).toEqual([
      69,
      ['left', 'left'],
    ])
  })
})

test('status is told again and again until somebody has seen enough', async () => {
  for (const isTerminal of [true, false]) {
    const stop = new AbortController()
    const pictures: string[] = []
    const onPrint = (text: string) => {
      pictures.push(text)
      if (pictures.length === 3) stop.abort(new CommandError('interrupted', 'Interrupted.'))
    }
    const flags = ['status', '--watch', '--interval', '0.2']
    expect(await run(flags, { isTerminal, onPrint, signal: stop.signal })).toMatchObject({ exit: 130 })
    expect(pictures.every((text) => text.startsWith('\u001b[H\u001b[J') === isTerminal)).toBe(true)
  }
  const once = await run(['status'], { isTerminal: true })
  expect(once).toMatchObject({ exit: 0, out: expect.not.stringContaining('\u001b') })
})

test('status tells what it can while Redis is away, and ends with 69', async () => {
  await stack.send(body(randomUUID()))
  const away = commandLine(stack.env({ REDIS_PORT: '9' }))
  const { exit, json, err } = await away(['status', '--json'])
  expect([exit, json.queue.waiting, json.workers]).toEqual([69, 1, undefined])
  expect(JSON.parse(err).error.code).toBe('unavailable')
})

async function groupOf(text: string): Promise<string | undefined> {
  const letters = await import('../../../shared/queue-dead.ts')
  const config = {
    queue: { name: '', deadLetterName: names.queue, endpoint: stack.sqs.endpoint, waitSeconds: 1 },
  }
  const queue = await letters.openDeadLetters({ ...config, awsRegion: names.region }, signal)
  const found = await queue.receive(60, signal)
  await queue.release(found, signal)
  queue.close()
  return found.find((letter) => letter.body === text)?.groupId
}
