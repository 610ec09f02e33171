/** What a message goes through, and what its handles are worth. */
import { expect } from '@jest/globals'
import { monotonicMs } from '../../../shared/time.ts'
import { type Bench, failure } from './bench.ts'

export interface Rule {
  readonly name: string
  /** Where it is written, or by whom it was found out on AWS itself. */
  readonly source: string
  run(bench: Bench): Promise<void>
}

/** Servers count in whole seconds or their own milliseconds; waits are never held to an upper bound. */
const roundedMs = 100

const visibility = 'Developer guide: Amazon SQS visibility timeout'
const changing = 'API reference: ChangeMessageVisibility'
const deleting = 'API reference: DeleteMessage'
const redriving = 'Developer guide: Using dead-letter queues in Amazon SQS'
const localstack = 'LocalStack, tests/aws/services/sqs/test_sqs.py, validated against AWS'

export const rules: readonly Rule[] = [
  {
    name: 'a message is hidden from its receive on, and comes again with a new handle and a higher count',
    source: visibility,
    async run(bench) {
      const queue = await bench.queue({ VisibilityTimeout: '2' })
      await queue.send('job')
      const startedMs = monotonicMs()
      const first = await queue.receive()
      expect(first!.Attributes!.ApproximateReceiveCount).toBe('1')
      const second = await queue.receive()
      expect(monotonicMs() - startedMs).toBeGreaterThan(2000 - roundedMs)
      expect(second!.MessageId).toBe(first!.MessageId)
      expect(second!.ReceiptHandle).not.toBe(first!.ReceiptHandle)
      expect(second!.Attributes!.ApproximateReceiveCount).toBe('2')
      const { ApproximateFirstReceiveTimestamp: at } = first!.Attributes!
      expect(second!.Attributes!.ApproximateFirstReceiveTimestamp).toBe(at)
    },
  },
  {
    name: 'a changed visibility counts from the change, shorter as well as longer',
    source: changing,
    async run(bench) {
      const queue = await bench.queue({ VisibilityTimeout: '30' })
      await queue.send('job')
      await queue.change((await queue.receive())!, 1)
      const short = await queue.receive({ VisibilityTimeout: 5 })
      expect(short).toBeDefined()
      await queue.change(short!, 60)
      expect(await queue.isEmpty(2)).toBe(true)
    },
  },
  {
    name: 'a changed visibility is not remembered: the next receive has the queue’s own',
    source: changing,
    async run(bench) {
      const queue = await bench.queue({ VisibilityTimeout: '30' })
      await queue.send('job')
      await queue.change((await queue.receive())!, 1)
      await queue.receive()
      expect(await queue.isEmpty(2)).toBe(true)
    },
  },
  {
    name: 'a visibility of 0 shows the message at once, set by a change or by the receive',
    source: `${visibility}: terminating the visibility timeout`,
    async run(bench) {
      const queue = await bench.queue({ VisibilityTimeout: '30' })
      await queue.send('job')
      await queue.change((await queue.receive())!, 0)
      expect(await queue.receive({ VisibilityTimeout: 0 })).toBeDefined()
      expect(await queue.receive()).toBeDefined()
    },
  },
  {
    name: 'a message is held for 12 hours in all; more is refused and not shortened',
    source: changing,
    async run(bench) {
      const queue = await bench.queue()
      await queue.send('job')
      const message = await queue.receive({ VisibilityTimeout: 30 })
      await bench.pause(1.1)
      await expect(queue.change(message!, 43_200)).rejects.toMatchObject({
        name: 'InvalidParameterValue',
        message: expect.stringMatching(/Total VisibilityTimeout .* beyond the limit/),
      })
      expect(await failure(queue.change(message!, 43_201))).toBe('400 InvalidParameterValue')
      expect(await failure(queue.receive({ VisibilityTimeout: 43_201 }))).toBe('400 InvalidParameterValue')
    },
  },
  {
    name: 'the newest handle deletes after its visibility has ended',
    source: deleting,
    async run(bench) {
      const queue = await bench.queue({ VisibilityTimeout: '1' })
      await queue.send('job')
      const message = await queue.receive()
      await bench.pause(1.5)
      await queue.delete(message!)
      expect(await queue.isEmpty(2)).toBe(true)
    },
  },
  {
    name: 'the newest handle hides the message again after its visibility has ended',
    source: `${localstack}: test_change_message_visibility_after_visibility_timeout_expiration`,
    async run(bench) {
      const queue = await bench.queue({ VisibilityTimeout: '1' })
      await queue.send('job')
      const message = await queue.receive()
      await bench.pause(1.5)
      await queue.change(message!, 60)
      expect(await queue.isEmpty(2)).toBe(true)
    },
  },
  {
    name: 'a delete by an older handle succeeds, and the message stays',
    source: deleting,
    async run(bench) {
      const queue = await bench.queue({ VisibilityTimeout: '1' })
      await queue.send('job')
      const older = await queue.receive()
      const newer = await queue.receive({ VisibilityTimeout: 2 })
      await queue.delete(older!)
      const again = await queue.receive()
      expect(again!.MessageId).toBe(newer!.MessageId)
    },
  },
  {
    name: 'deleting what is deleted succeeds, hiding it is refused',
    source: `${deleting}; ${localstack}: test_change_visibility_on_deleted_message_raises_invalid_parameter_value`,
    async run(bench) {
      const queue = await bench.queue()
      await queue.send('job')
      const message = await queue.receive()
      await queue.delete(message!)
      await queue.delete(message!)
      expect(await failure(queue.change(message!, 30))).toBe('400 InvalidParameterValue')
    },
  },
  {
    name: 'a handle that SQS never gave is refused by its own name',
    source: `${deleting}, ${changing}: ReceiptHandleIsInvalid`,
    async run(bench) {
      const queue = await bench.queue()
      const never = { ReceiptHandle: 'never-given' }
      expect(await failure(queue.delete(never))).toBe('404 ReceiptHandleIsInvalid')
      expect(await failure(queue.change(never, 30))).toBe('404 ReceiptHandleIsInvalid')
    },
  },
  {
    name: 'the receive after the last that is allowed moves the message to the dead-letter queue, the same as it was',
    source: redriving,
    async run(bench) {
      const dead = await bench.queue()
      const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: dead.arn, maxReceiveCount: 1 })
      const queue = await bench.queue({ RedrivePolicy })
      const MessageAttributes = { note: { DataType: 'String', StringValue: 'kept' } }
      await queue.send('job', { MessageAttributes })
      const first = await queue.receive()
      await queue.change(first!, 0)
      expect(await queue.isEmpty(1)).toBe(true)
      const moved = await dead.receive({ MessageAttributeNames: ['All'] })
      expect(moved).toMatchObject({ MessageId: first!.MessageId, Body: 'job', MessageAttributes })
      expect(moved!.Attributes).toMatchObject({
        SentTimestamp: first!.Attributes!.SentTimestamp,
        DeadLetterQueueSourceArn: queue.arn,
      })
    },
  },
  {
    name: 'a dead-letter queue must exist',
    source: redriving,
    async run(bench) {
      const queue = await bench.queue()
      const deadLetterTargetArn = `${queue.arn}-nowhere`
      const RedrivePolicy = JSON.stringify({ deadLetterTargetArn, maxReceiveCount: 1 })
      expect(await failure(bench.queue({ RedrivePolicy }))).toBe('400 InvalidParameterValue')
    },
  },
  {
    name: 'a message with a delay comes after it, by its own word or the queue’s',
    source: 'Developer guide: Amazon SQS message timers, delay queues',
    async run(bench) {
      const queue = await bench.queue({ DelaySeconds: '2' })
      const startedMs = monotonicMs()
      await queue.send('late')
      expect((await queue.receive())!.Body).toBe('late')
      expect(monotonicMs() - startedMs).toBeGreaterThan(2000 - roundedMs)
      const againMs = monotonicMs()
      await queue.send('own', { DelaySeconds: 3 })
      expect((await queue.receive())!.Body).toBe('own')
      expect(monotonicMs() - againMs).toBeGreaterThan(3000 - roundedMs)
    },
  },
  {
    name: 'a long poll ends as soon as there is a message, and empty when its wait is over',
    source: 'Developer guide: Amazon SQS short and long polling',
    async run(bench) {
      const queue = await bench.queue()
      const polling = queue.receive({ WaitTimeSeconds: 20 })
      await bench.pause(0.5)
      await queue.send('job')
      expect((await polling)!.Body).toBe('job')
      expect(await queue.isEmpty(1)).toBe(true)
    },
  },
  {
    name: 'the group of a message in a standard queue is taken, and told when asked for',
    source: 'Developer guide: Amazon SQS fair queues',
    async run(bench) {
      const queue = await bench.queue()
      await queue.send('job', { MessageGroupId: 'tenant-7' })
      expect((await queue.receive())!.Attributes!.MessageGroupId).toBe('tenant-7')
    },
  },
]
