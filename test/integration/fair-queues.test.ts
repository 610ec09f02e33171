import {
  ChangeMessageVisibilityCommand,
  DeleteMessageCommand,
  type Message,
  ReceiveMessageCommand,
  type ReceiveMessageCommandInput,
  SendMessageBatchCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { type SqsServer, startSqs } from '../local/sqs.ts'

// The fair queues of the local stack, over HTTP and with the SDK that the worker uses.
let sqs: SqsServer
let bench: ReturnType<typeof connect>
let queues = 0

beforeAll(async () => {
  sqs = await startSqs()
})
beforeEach(async () => {
  bench = connect(sqs, await newQueue(sqs))
})
afterAll(() => sqs.close())

async function newQueue(server: SqsServer): Promise<string> {
  const name = `queue-${queues++}`
  await server.createQueue(name, { VisibilityTimeout: '600' })
  return `${server.endpoint}/000000000000/${name}`
}

function connect({ endpoint, region }: SqsServer, QueueUrl: string) {
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' }
  const client = new SQSClient({ endpoint, region, credentials })
  return {
    client,
    QueueUrl,
    send: (MessageBody: string, MessageGroupId?: string, more: object = {}) =>
      client.send(new SendMessageCommand({ QueueUrl, MessageBody, MessageGroupId, ...more })),
    async receive(more: Partial<ReceiveMessageCommandInput> = {}): Promise<Message[]> {
      const MessageSystemAttributeNames = ['MessageGroupId' as const]
      const input = { QueueUrl, MessageSystemAttributeNames, WaitTimeSeconds: 5, ...more }
      return (await client.send(new ReceiveMessageCommand(input))).Messages ?? []
    },
    delete: ({ ReceiptHandle }: Message) =>
      client.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle })),
  }
}
const groupOf = (message: Message | undefined) => message?.Attributes?.MessageGroupId
const bodies = (messages: Message[]) => messages.map((message) => message.Body)

/** Bodies one by one, in the order of their delivery; none is deleted. */
async function deliveries(from: typeof bench, count: number): Promise<(string | undefined)[]> {
  const found: Message[] = []
  for (let n = 0; n < count; n++) found.push(...(await from.receive()))
  return bodies(found)
}

describe('the group of a message', () => {
  test('comes with it when it is asked for, also out of a batch and with a delay', async () => {
    await bench.send('one', 'a', { MessageAttributes: { note: { DataType: 'String', StringValue: 'kept' } } })
    const Entries = [
      { Id: '1', MessageBody: 'two', MessageGroupId: 'b', DelaySeconds: 1 },
      { Id: '2', MessageBody: 'three' },
    ]
    await bench.client.send(new SendMessageBatchCommand({ QueueUrl: bench.QueueUrl, Entries }))
    const [one] = await bench.receive({ MessageAttributeNames: ['All'] })
    expect([one!.Body, groupOf(one), one!.MessageAttributes!.note!.StringValue]).toEqual(['one', 'a', 'kept'])
    const [three] = await bench.receive()
    expect([three!.Body, groupOf(three), three!.MessageAttributes]).toEqual(['three', undefined, undefined])
    const [two] = await bench.receive({ MessageAttributeNames: ['All'] })
    expect([two!.Body, groupOf(two), two!.MessageAttributes]).toEqual(['two', 'b', undefined])
  })

  test('is not told unasked, and stays with it when it comes again', async () => {
    await bench.send('one', 'a')
    const [first] = await bench.receive({ MessageSystemAttributeNames: ['ApproximateReceiveCount'] })
    expect(first!.Attributes).toEqual({ ApproximateReceiveCount: '1' })
    const { QueueUrl } = bench
    const giveBack = { QueueUrl, ReceiptHandle: first!.ReceiptHandle, VisibilityTimeout: 0 }
    await bench.client.send(new ChangeMessageVisibilityCommand(giveBack))
    const [again] = await bench.receive({ MessageSystemAttributeNames: ['All'] })
    expect(again!.Attributes).toMatchObject({ ApproximateReceiveCount: '2', MessageGroupId: 'a' })
  })

  test('is kept when the answer to its sending was lost', async () => {
    sqs.faults.failNext({ operation: 'SendMessage' }, { status: 500, when: 'after' })
    await bench.send('one', 'a')
    expect(groupOf((await bench.receive())[0])).toBe('a')
  })
})

describe('a group with a backlog', () => {
  test('waits behind everybody else once it holds the consumers, and loses nothing', async () => {
    for (const n of [1, 2, 3, 4]) await bench.send(`noisy ${n}`, 'noisy')
    const [first] = await bench.receive()
    await bench.send('quiet', 'quiet')
    await bench.send('alone')
    expect(await deliveries(bench, 5)).toEqual(['quiet', 'alone', 'noisy 2', 'noisy 3', 'noisy 4'])
    expect(first!.Body).toBe('noisy 1')
  })

  test('is held back no further: it has all consumers when nobody else waits', async () => {
    for (const n of [1, 2, 3]) await bench.send(`noisy ${n}`, 'noisy')
    expect(await deliveries(bench, 3)).toEqual(['noisy 1', 'noisy 2', 'noisy 3'])
  })

  test('still counts what it took when that is done', async () => {
    for (const n of [1, 2]) await bench.send(`noisy ${n}`, 'noisy')
    const [first] = await bench.receive()
    await bench.delete(first!)
    await bench.send('quiet', 'quiet')
    expect(await deliveries(bench, 2)).toEqual(['quiet', 'noisy 2'])
  })

  test('comes last in one receive of many, too', async () => {
    for (const n of [1, 2, 3]) await bench.send(`noisy ${n}`, 'noisy')
    await bench.receive()
    await bench.send('quiet', 'quiet')
    expect(bodies(await bench.receive({ MaxNumberOfMessages: 10 }))).toEqual(['quiet', 'noisy 2', 'noisy 3'])
  })

  test('shares with another of its kind: whoever has fewer in flight is next', async () => {
    for (const n of [1, 2, 3, 4]) await bench.send(`a ${n}`, 'a')
    await deliveries(bench, 2)
    for (const n of [1, 2, 3]) await bench.send(`b ${n}`, 'b')
    expect((await deliveries(bench, 3)).slice(0, 2)).toEqual(['b 1', 'b 2'])
  })
})

test('without fairness the order is that of sending, and groups are dropped', async () => {
  const plain = await startSqs({ fair: false })
  const unfair = connect(plain, await newQueue(plain))
  for (const n of [1, 2, 3]) await unfair.send(`noisy ${n}`, 'noisy')
  const [first] = await unfair.receive()
  await unfair.send('quiet', 'quiet')
  expect(groupOf(first)).toBeUndefined()
  expect(await deliveries(unfair, 3)).toEqual(['noisy 2', 'noisy 3', 'quiet'])
  await plain.close()
})
