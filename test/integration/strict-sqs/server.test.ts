import { ReceiveMessageCommand, SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs'
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { openQueue, type Queue } from '../../../shared/queue.ts'
import { type StrictServer, startStrictSqs } from '../../strict-sqs/server.ts'

// The product's own queue against the strict one: what it makes of each answer, and what only this server can do.
const { signal } = new AbortController()
const credentials = { accessKeyId: 'local', secretAccessKey: 'local' }
const hourMs = 3_600_000

let sqs: StrictServer
let queue: Queue
let client: SQSClient
let QueueUrl: string
beforeAll(async () => {
  sqs = await startStrictSqs()
  const deadLetterTargetArn = await sqs.createQueue('jobs-dlq', { MessageRetentionPeriod: '1209600' })
  const RedrivePolicy = JSON.stringify({ deadLetterTargetArn, maxReceiveCount: 50 })
  await sqs.createQueue('jobs', {
    VisibilityTimeout: '600',
    MessageRetentionPeriod: '1209600',
    RedrivePolicy,
  })
  const config = {
    awsRegion: sqs.region,
    queue: { name: 'jobs', deadLetterName: 'jobs-dlq', waitSeconds: 1 },
  }
  const at = { ...config, queue: { ...config.queue, endpoint: sqs.endpoint } }
  queue = await openQueue(at, signal, { credentials })
  client = queue.pollClient
  QueueUrl = queue.url
})
afterEach(async () => {
  sqs.faults.clear()
  sqs.model.dice.calm()
  sqs.model.countLagMs = 0
  await sqs.drain('jobs')
  await sqs.drain('jobs-dlq')
})
afterAll(async () => {
  queue.close()
  await sqs.close()
})

async function receive(WaitTimeSeconds = 1, abortSignal = signal) {
  const { Messages: [message] = [] } = await client.send(
    new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds, MessageSystemAttributeNames: ['All'] }),
    { abortSignal },
  )
  return message
}
/** Sends one message and receives it; resolves the handle. */
async function take(): Promise<string> {
  await queue.send('job', { signal })
  return (await receive())!.ReceiptHandle!
}
const stored = () => sqs.model.queue('jobs').messages()

describe('a lease', () => {
  test('is beaten, let go of and deleted', async () => {
    const handle = await take()
    await queue.extend(handle, 60, signal)
    sqs.advance(59_000)
    expect(await sqs.counts('jobs')).toEqual({ waiting: 0, inFlight: 1, delayed: 0 })
    await queue.extend(handle, 0, signal)
    const again = await receive()
    expect(again!.Attributes!.ApproximateReceiveCount).toBe('2')
    await queue.delete(again!.ReceiptHandle!, signal)
    expect(stored()).toEqual([])
  })

  test.each([
    ['somebody else received the message', () => sqs.advance(600_000), true],
    ['the message is older than the queue keeps them', () => sqs.advance(15 * 24 * hourMs), false],
    ['SQS says that nothing is in flight', () => lapse('refused'), false],
  ])('is lost when %s', async (_why, happen, received) => {
    const handle = await take()
    happen()
    if (received) expect(await receive()).toBeDefined()
    await expect(queue.extend(handle, 60, signal)).rejects.toMatchObject({ code: 'lease_lost' })
    await queue.delete(handle, signal)
  })

  test('ends at its 12 hours by the name of that, after them by that of a lost one', async () => {
    const handle = await take()
    for (let hours = 0; hours < 10; hours++) {
      await queue.extend(handle, 7200, signal)
      sqs.advance(hourMs)
    }
    await expect(queue.extend(handle, 7200, signal)).rejects.toMatchObject({ code: 'lease_cap' })
    sqs.advance(2 * hourMs)
    await expect(queue.extend(handle, 60, signal)).rejects.toMatchObject({ code: 'lease_lost' })
  })

  function lapse(lateChange: 'refused' | 'ignored'): void {
    sqs.advance(600_000)
    sqs.model.dice.leeway = { ...sqs.model.dice.leeway, lateChange }
  }
})

test('a poison message is parked with its reason, which the dead-letter queue shows', async () => {
  await queue.park({ body: '{"broken', messageId: 'm-1' }, 'not JSON: \u0000', signal)
  const [parked] = await sqs.messages('jobs-dlq')
  expect(parked).toMatchObject({
    body: '{"broken',
    attributes: { reason: 'not JSON: ?', original_message_id: 'm-1' },
  })
})

test('attributes and counts are read as numbers, the counts as old as they are said to be', async () => {
  sqs.advance(2 * hourMs)
  await take()
  await queue.send('two', { signal })
  await queue.send('later', { delaySeconds: 60, groupId: '7', signal })
  const { deadLetterArn, ...attributes } = await queue.attributes(signal)
  expect(deadLetterArn).toMatch(/:jobs-dlq$/)
  const kept = { visibilitySeconds: 600, retentionSeconds: 1_209_600, maxReceiveCount: 50 }
  expect(attributes).toEqual({ ...kept, waiting: 1, inFlight: 1, delayed: 1 })
  sqs.model.countLagMs = hourMs
  expect(await queue.attributes(signal)).toMatchObject({ waiting: 0, inFlight: 0, delayed: 0 })
})

describe('faults', () => {
  test.each([
    ['throttled', { status: 400, code: 'RequestThrottled' }],
    ['500', { status: 500 }],
    ['503', { status: 503, code: 'ServiceUnavailable' }],
    ['a reset', { reset: true }],
    ['a lost answer', { reset: true, when: 'after' }],
  ] as const)('%s: a call is tried again and done once', async (_name, fault) => {
    const handle = await take()
    const twice = sqs.faults.failNext({ operation: 'DeleteMessage' }, { ...fault, times: 2 })
    await queue.delete(handle, signal)
    expect([twice.hits(), stored()]).toEqual([2, []])
  })

  test('away: connections are refused, and the messages are there again with it', async () => {
    const handle = await take()
    const comeBack = await sqs.goAway()
    await expect(queue.extend(handle, 60, signal)).rejects.toMatchObject({ code: 'queue_unavailable' })
    await comeBack()
    await queue.extend(handle, 60, signal)
    expect(stored()).toHaveLength(1)
  })

  test('a lost receive: the poll is empty, and the message is hidden from everybody', async () => {
    sqs.model.dice.demand('lostReceive')
    await queue.send('job', { signal })
    expect(await receive(1)).toBeUndefined()
    expect(await sqs.counts('jobs')).toMatchObject({ inFlight: 1 })
    sqs.advance(600_000)
    expect((await receive())!.Attributes!.ApproximateReceiveCount).toBe('2')
  })

  test('a client that leaves its poll takes nothing with it, unless that goes unnoticed', async () => {
    for (const unnoticed of [false, true]) {
      if (unnoticed) sqs.model.dice.demand('unnoticed')
      const leaving = new AbortController()
      const polling = receive(20, leaving.signal)
      while (!sqs.polling()) await receive(0)
      leaving.abort()
      await expect(polling).rejects.toThrow()
      while (!unnoticed && sqs.polling()) await receive(0)
      await queue.send('job', { signal })
      expect(await receive()).toEqual(unnoticed ? undefined : expect.objectContaining({ Body: 'job' }))
      await sqs.drain('jobs')
    }
  })

  test('a duplicate is received while the first is still held', async () => {
    sqs.model.dice.demand('duplicate')
    const handle = await take()
    sqs.advance(1000)
    const copy = await receive()
    expect(copy!.ReceiptHandle).not.toBe(handle)
    await expect(queue.extend(handle, 60, signal)).rejects.toMatchObject({ code: 'lease_lost' })
  })
})

test('a long poll wakes for a send, for a visibility that ends, and for the clock', async () => {
  const sent = receive(20)
  await client.send(new SendMessageCommand({ QueueUrl, MessageBody: 'job' }))
  const { ReceiptHandle } = (await sent)!
  await queue.extend(ReceiptHandle!, 1, signal)
  const ended = await receive(20)
  expect(ended!.Body).toBe('job')
  const later = receive(20)
  while (!sqs.polling()) await receive(0)
  sqs.advance(600_000)
  expect((await later)!.Body).toBe('job')
})

test('what went through is told in order, whoever heard it', async () => {
  const before = sqs.traffic.length
  sqs.model.dice.demand('lostReceive')
  await take().catch(() => {})
  const { messageId } = sqs.traffic.at(-1)!
  expect(sqs.traffic.slice(before)).toEqual(
    ['sent', 'received'].map((what) => ({ what, queue: 'jobs', messageId, body: 'job' })),
  )
})
