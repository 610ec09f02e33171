/** How it is said: requests that are refused, attributes, batches. */
import {
  CreateQueueCommand,
  DeleteMessageBatchCommand,
  GetQueueUrlCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
  SetQueueAttributesCommand,
} from '@aws-sdk/client-sqs'
import { expect } from '@jest/globals'
import { failure } from './bench.ts'
import type { Rule } from './rules.ts'

const sending = 'API reference: SendMessage'
const receiving = 'API reference: ReceiveMessage'
const creating = 'API reference: CreateQueue'
const batches = 'API reference: SendMessageBatch, DeleteMessageBatch'

export const protocolRules: readonly Rule[] = [
  {
    name: 'attributes come only when asked for, by name, by beginning or all',
    source: receiving,
    async run(bench) {
      const queue = await bench.queue({ VisibilityTimeout: '0' })
      const MessageAttributes = {
        'a.one': { DataType: 'String', StringValue: '1' },
        'a.two': { DataType: 'Number', StringValue: '2' },
        other: { DataType: 'Binary', BinaryValue: Buffer.from('3') },
      }
      await queue.send('job', { MessageAttributes })
      const bare = await queue.receive({ MessageSystemAttributeNames: [] })
      expect([bare!.Attributes, bare!.MessageAttributes]).toEqual([undefined, undefined])
      const some = await queue.receive({ MessageSystemAttributeNames: ['SentTimestamp'] })
      expect(Object.keys(some!.Attributes!)).toEqual(['SentTimestamp'])
      const begun = await queue.receive({ MessageAttributeNames: ['a.*'] })
      expect(Object.keys(begun!.MessageAttributes!).sort()).toEqual(['a.one', 'a.two'])
      const all = await queue.receive({ MessageAttributeNames: ['All'] })
      expect(Object.keys(all!.MessageAttributes!).sort()).toEqual(['a.one', 'a.two', 'other'])
    },
  },
  {
    name: 'digests of bodies and attributes are the documented ones',
    source: 'Developer guide: calculating the MD5 message digest for message attributes',
    async run(bench) {
      const queue = await bench.queue({ VisibilityTimeout: '0' })
      const MessageAttributes = { note: { DataType: 'String', StringValue: 'kept' } }
      const input = { QueueUrl: queue.QueueUrl, MessageBody: 'größer', MessageAttributes }
      const sent = await queue.client.send(new SendMessageCommand(input))
      // Computed apart from the servers, with Python: of the body, and of 00000004 note 00000006 String 01 00000004 kept.
      const digests = ['3b1f5bccdd98086ae8f1852fd2aabe54', '3a96f053457777ebbbb0e53e0efdf45d']
      expect([sent.MD5OfMessageBody, sent.MD5OfMessageAttributes]).toEqual(digests)
      const message = await queue.receive({ MessageAttributeNames: ['All'] })
      expect([message!.MD5OfBody, message!.MD5OfMessageAttributes]).toEqual(digests)
    },
  },
  {
    name: 'a message that cannot be sent is refused by name',
    source: sending,
    async run(bench) {
      const queue = await bench.queue()
      const empty = { note: { DataType: 'String', StringValue: '' } }
      const refused = await Promise.all([
        failure(queue.send('')),
        failure(queue.send('a\u0001')),
        failure(queue.send('a', { DelaySeconds: 901 })),
        failure(queue.send('a', { MessageAttributes: empty })),
        failure(queue.send('x'.repeat(1_048_577))),
      ])
      expect(refused).toEqual([
        '400 MissingParameter',
        '400 InvalidMessageContents',
        '400 InvalidParameterValue',
        '400 InvalidParameterValue',
        '400 InvalidParameterValue',
      ])
    },
  },
  {
    name: 'one to ten messages are received at a time, and polls are up to 20 s long',
    source: receiving,
    async run(bench) {
      const queue = await bench.queue()
      for (const more of [{ MaxNumberOfMessages: 11 }, { MaxNumberOfMessages: 0 }, { WaitTimeSeconds: 21 }])
        expect(await failure(queue.receive(more))).toBe('400 InvalidParameterValue')
      for (let n = 0; n < 12; n++) await queue.send(String(n))
      const input = { QueueUrl: queue.QueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 5 }
      const { Messages = [] } = await queue.client.send(new ReceiveMessageCommand(input))
      // A receive may bring fewer than there are, and never more than asked for.
      expect(Messages.length).toBeGreaterThan(0)
      expect(Messages.length).toBeLessThanOrEqual(10)
    },
  },
  {
    name: 'a queue that does not exist is refused by its own name',
    source: 'API reference: GetQueueUrl: QueueDoesNotExist',
    async run(bench) {
      const QueueName = bench.newName()
      const { client } = bench
      expect(await failure(client.send(new GetQueueUrlCommand({ QueueName })))).toBe('400 QueueDoesNotExist')
      const send = new SendMessageCommand({ QueueUrl: bench.urlOf(QueueName), MessageBody: 'job' })
      expect(await failure(client.send(send))).toBe('400 QueueDoesNotExist')
    },
  },
  {
    name: 'a queue is made again with the same attributes, and not with others',
    source: creating,
    async run(bench) {
      const { client, QueueUrl } = await bench.queue({ VisibilityTimeout: '31' })
      const QueueName = QueueUrl.split('/').at(-1)
      const make = (Attributes: Record<string, string>) =>
        client.send(new CreateQueueCommand({ QueueName, Attributes }))
      expect((await make({ VisibilityTimeout: '31' })).QueueUrl).toBe(QueueUrl)
      expect(await failure(make({ VisibilityTimeout: '32' }))).toBe('400 QueueNameExists')
    },
  },
  {
    name: 'attributes of a queue have names and limits',
    source: 'API reference: SetQueueAttributes',
    async run(bench) {
      const queue = await bench.queue({ VisibilityTimeout: '31' })
      const { QueueUrl } = queue
      const set = (Attributes: Record<string, string>) =>
        queue.client.send(new SetQueueAttributesCommand({ QueueUrl, Attributes }))
      expect(await failure(set({ VisibilityTimeout: '43201' }))).toBe('400 InvalidAttributeValue')
      expect(await failure(set({ MessageRetentionPeriod: '59' }))).toBe('400 InvalidAttributeValue')
      expect(await failure(set({ Nonsense: '1' }))).toBe('400 InvalidAttributeName')
      await set({ MessageRetentionPeriod: '600' })
      expect(await queue.attributes()).toMatchObject({
        ...{ VisibilityTimeout: '31', MessageRetentionPeriod: '600', DelaySeconds: '0' },
        QueueArn: expect.stringMatching(/^arn:aws[\w-]*:sqs:/),
        ApproximateNumberOfMessages: expect.stringMatching(/^\d+$/),
      })
    },
  },
  {
    name: 'counts tell in the end what is waiting, in flight and delayed',
    source: 'API reference: GetQueueAttributes',
    async run(bench) {
      const queue = await bench.queue({ VisibilityTimeout: '600' })
      await queue.send('in flight')
      await queue.receive()
      await queue.send('waiting')
      await queue.send('waiting')
      await queue.send('delayed', { DelaySeconds: 900 })
      const counts = async () => {
        const all = await queue.attributes()
        const names = ['', 'NotVisible', 'Delayed'].map((name) => `ApproximateNumberOfMessages${name}`)
        return names.map((name) => all[name]).join(' ')
      }
      // "Eventually consistent", about a minute after the last change.
      for (let tries = 0; tries < 90 && (await counts()) !== '2 1 1'; tries++) await bench.pause(1)
      expect(await counts()).toBe('2 1 1')
    },
  },
  {
    name: 'in a batch an entry fails alone, and the batch for its own rules',
    source: batches,
    async run(bench) {
      const { client, QueueUrl } = await bench.queue()
      const send = (...Entries: { Id: string; MessageBody: string; DelaySeconds?: number }[]) =>
        client.send(new SendMessageBatchCommand({ QueueUrl, Entries }))
      const good = { Id: 'good', MessageBody: 'job' }
      const { Successful, Failed } = await send(good, { ...good, Id: 'late', DelaySeconds: 901 })
      expect(Successful!.map((entry) => entry.Id)).toEqual(['good'])
      expect(Failed).toMatchObject([{ Id: 'late', Code: 'InvalidParameterValue', SenderFault: true }])
      const many = Array.from({ length: 11 }, (_, n) => ({ Id: `e${n}`, MessageBody: 'job' }))
      expect(await failure(send())).toBe('400 EmptyBatchRequest')
      expect(await failure(send(good, good))).toBe('400 BatchEntryIdsNotDistinct')
      expect(await failure(send({ ...good, Id: 'a b' }))).toBe('400 InvalidBatchEntryId')
      expect(await failure(send(...many))).toBe('400 TooManyEntriesInBatchRequest')
      const Entries = [{ Id: 'never', ReceiptHandle: 'never-given' }]
      const deleted = await client.send(new DeleteMessageBatchCommand({ QueueUrl, Entries }))
      expect(deleted.Failed).toMatchObject([{ Id: 'never', Code: 'ReceiptHandleIsInvalid' }])
    },
  },
]
