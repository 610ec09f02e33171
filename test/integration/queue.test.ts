import { ReceiveMessageCommand } from '@aws-sdk/client-sqs'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { openQueue, type Queue } from '../../shared/queue.ts'
import { openDeadLetters } from '../../shared/queue-dead.ts'
import { type SqsServer, startSqs } from '../local/sqs.ts'

const { signal } = new AbortController()
const options = { credentials: { accessKeyId: 'local', secretAccessKey: 'local' } }
let sqs: SqsServer
let queue: Queue

beforeAll(async () => {
  sqs = await startSqs()
  const deadLetterTargetArn = await sqs.createQueue('jobs-dlq')
  const RedrivePolicy = JSON.stringify({ deadLetterTargetArn, maxReceiveCount: 50 })
  await sqs.createQueue('jobs', { VisibilityTimeout: '1', MessageRetentionPeriod: '345600', RedrivePolicy })
  queue = await openQueue(config('jobs'), signal, options)
})

beforeEach(async () => {
  sqs.faults.clear()
  await sqs.drain('jobs')
  await sqs.drain('jobs-dlq')
})

afterAll(async () => {
  queue.close()
  await sqs.close()
})

function config(name: string, endpoint = sqs.endpoint, deadLetterName = 'jobs-dlq') {
  return { awsRegion: sqs.region, queue: { name, deadLetterName, endpoint, waitSeconds: 1 } }
}

/** A minute of visibility unless told: the queue's own second is for the tests of a lease that runs out. */
async function receive(waitSeconds = 1, visibility = 60) {
  const input = { QueueUrl: queue.url, WaitTimeSeconds: waitSeconds, VisibilityTimeout: visibility }
  const { Messages: [message] = [] } = await queue.pollClient.send(
    new ReceiveMessageCommand({ ...input, MessageSystemAttributeNames: ['ApproximateReceiveCount'] }),
  )
  return message
}

async function receiveOne(visibility = 60): Promise<string> {
  return (await receive(1, visibility))!.ReceiptHandle!
}

describe('opening', () => {
  test('a queue, or a dead-letter queue, that does not exist is a wrong configuration', async () => {
    const missing = openQueue(config('other'), signal, options)
    await expect(missing).rejects.toMatchObject({
      code: 'config_invalid',
      message: expect.stringContaining('other'),
    })
    const missingDlq = openQueue(config('jobs', sqs.endpoint, 'other-dlq'), signal, options)
    await expect(missingDlq).rejects.toMatchObject({ code: 'config_invalid' })
  })

  test('a refusal is a wrong configuration, silence is not', async () => {
    sqs.faults.failNext({ operation: 'GetQueueUrl' }, { status: 403, code: 'AccessDenied' })
    await expect(openQueue(config('jobs'), signal, options)).rejects.toMatchObject({ code: 'config_invalid' })
    const away = openQueue(config('jobs', 'http://127.0.0.1:9'), signal, options)
    await expect(away).rejects.toMatchObject({ code: 'queue_unavailable' })
  })
})

describe('attributes', () => {
  test('are numbers, and the counts are fresh', async () => {
    await queue.send('one', { signal })
    await queue.send('two', { signal })
    await queue.send('later', { delaySeconds: 60, groupId: '7', signal })
    await receive()
    expect(await queue.attributes(signal)).toEqual({
      visibilitySeconds: 1,
      retentionSeconds: 345600,
      maxReceiveCount: 50,
      deadLetterArn: expect.stringMatching(/:jobs-dlq$/),
      waiting: 1,
      inFlight: 1,
      delayed: 1,
    })
  })

  test('count a lease that has run out as waiting, without a receive', async () => {
    await queue.send('one', { signal })
    await receive(1, 1)
    while ((await queue.attributes(signal)).inFlight > 0);
    expect(await queue.attributes(signal)).toMatchObject({ waiting: 1, inFlight: 0 })
  })
})

describe('a lease', () => {
  test('is kept by extending it, and 0 gives the message back at once', async () => {
    await queue.send('one', { signal })
    const handle = await receiveOne(4)
    await queue.extend(handle, 60, signal)
    expect(await receive(5)).toBeUndefined()
    await queue.extend(handle, 0, signal)
    const again = await receive()
    expect(again).toMatchObject({ Body: 'one', Attributes: { ApproximateReceiveCount: '2' } })
    await queue.delete(again!.ReceiptHandle!, signal)
    await queue.delete(again!.ReceiptHandle!, signal)
    expect(await sqs.counts('jobs')).toEqual({ waiting: 0, inFlight: 0, delayed: 0 })
  })

  test('that ran out and was taken over is lost, and so is one that was never given', async () => {
    await queue.send('one', { signal })
    const old = await receiveOne(1)
    while (!(await receive()));
    await expect(queue.extend(old, 60, signal)).rejects.toMatchObject({ code: 'lease_lost' })
    await expect(queue.extend('garbage', 60, signal)).rejects.toMatchObject({ code: 'lease_lost' })
  })

  test.each([
    ['ReceiptHandleIsInvalid', 'lease_lost'],
    ['MessageNotInflight', 'lease_lost'],
    ['AWS.SimpleQueueService.MessageNotInflight', 'lease_lost'],
    ['AccessDenied', 'config_invalid'],
    ['SomethingElse', 'queue_unavailable'],
  ])('%s on extending is %s', async (code, expected) => {
    sqs.faults.failNext({ operation: 'ChangeMessageVisibility' }, { status: 400, code })
    await expect(queue.extend('x', 60, signal)).rejects.toMatchObject({ code: expected })
  })

  test.each([
    ['500', { status: 500 }],
    ['throttling', { status: 400, code: 'RequestThrottled' }],
    ['a reset', { reset: true }],
    ['a lost answer', { reset: true, when: 'after' }],
  ] as const)('%s is tried again fast, three times at most', async (_name, fault) => {
    await queue.send('one', { signal })
    const handle = await receiveOne(30)
    const twice = sqs.faults.failNext({ operation: 'ChangeMessageVisibility' }, { ...fault, times: 2 })
    await queue.extend(handle, 60, signal)
    expect(twice.hits()).toBe(2)
    twice.remove()
    const ever = sqs.faults.failNext({ operation: 'ChangeMessageVisibility' }, { ...fault, times: 99 })
    await expect(queue.extend(handle, 60, signal)).rejects.toMatchObject({ code: 'queue_unavailable' })
    expect(ever.hits()).toBe(3)
  })

  test('an abort ends a call that hangs with its own reason', async () => {
    const controller = new AbortController()
    const reason = new Error('drained')
    sqs.faults.failNext({ operation: 'ChangeMessageVisibility' }, { stall: true })
    const extending = queue.extend('x', 60, controller.signal)
    controller.abort(reason)
    await expect(extending).rejects.toBe(reason)
  })
})

describe('parking', () => {
  test('copies the body to the dead-letter queue with a reason that SQS takes', async () => {
    const reason = `not JSON: \u0000\u0007${'x'.repeat(5000)}`
    await queue.park({ body: '{"broken', messageId: 'm-1' }, reason, signal)
    const [parked] = await sqs.messages('jobs-dlq')
    expect(parked).toMatchObject({ body: '{"broken', attributes: { original_message_id: 'm-1' } })
    expect(parked!.attributes.reason).toMatch(/^not JSON: \?\?x+$/)
    expect(parked!.attributes.reason!.length).toBe(1000)
    await queue.park({ body: 'x', messageId: '' }, '', signal)
    expect(await sqs.messages('jobs-dlq')).toHaveLength(2)
  })
})

describe('dead letters', () => {
  test('are seen with reason and group, hidden until they are given back, and gone when they are removed', async () => {
    const letters = await openDeadLetters(config('jobs'), signal, options)
    await queue.park({ body: 'one', messageId: 'm-1', groupId: 'tenant-7' }, 'encode_failed: x', signal)
    await queue.park({ body: 'two', messageId: 'm-2' }, 'x', signal)
    const found = [...(await letters.receive(60, signal)), ...(await letters.receive(60, signal))]
    const sentMs = expect.any(Number)
    expect(found.map(({ messageId: _, receiptHandle: __, ...rest }) => rest)).toEqual([
      { body: 'one', reason: 'encode_failed: x', groupId: 'tenant-7', sentMs },
      { body: 'two', reason: 'x', groupId: undefined, sentMs },
    ])
    expect(await letters.receive(60, signal)).toEqual([])
    await letters.remove(found[0]!, signal)
    await letters.release([...found, { ...found[1]!, receiptHandle: 'never issued' }], signal)
    expect((await letters.receive(60, signal)).map(({ body }) => body)).toEqual(['two'])
    expect(await letters.count(signal)).toBe(1)
    letters.close()
    await expect(
      openDeadLetters(config('jobs', sqs.endpoint, 'none'), signal, options),
    ).rejects.toMatchObject({
      code: 'config_invalid',
    })
  })
})
