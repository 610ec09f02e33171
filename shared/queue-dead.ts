import {
  ChangeMessageVisibilityBatchCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  type Message,
  ReceiveMessageCommand,
} from '@aws-sdk/client-sqs'
import { retry } from './backoff.ts'
import type { Config } from './config.ts'
import { createSqsClient, type QueueOptions } from './queue-client.ts'
import { isTransient, queueError } from './queue-errors.ts'

/** A message of the dead-letter queue, held by whoever received it. */
export interface DeadLetter {
  readonly messageId: string
  readonly receiptHandle: string
  readonly body: string
  /** Why it was parked; undefined when SQS moved it after too many receives. */
  readonly reason: string | undefined
  readonly groupId: string | undefined
  /** Milliseconds since 1970: when it was parked, or of one that SQS moved when it was first sent. */
  readonly sentMs: number
}

/** The dead-letter queue, for looking into it and taking from it. Errors are those of shared/queue.ts. */
export interface DeadLetters {
  readonly name: string
  /** Approximate. */
  count(signal: AbortSignal): Promise<number>
  /** At most ten, hidden from everybody else for `hideSeconds`; none when the queue shows no more. */
  receive(hideSeconds: number, signal: AbortSignal): Promise<DeadLetter[]>
  /** Shows them again. One that is gone, or not ours any more, is no error. */
  release(letters: readonly DeadLetter[], signal: AbortSignal): Promise<void>
  remove(letter: DeadLetter, signal: AbortSignal): Promise<void>
  close(): void
}

/** One call takes and gives so many. */
const batchSize = 10
/** A long poll asks every server of SQS, a short one only some: else a message may be overlooked. Seconds. */
const pollSeconds = 1
const requestMs = 10_000
const retries = { tries: 4, base: 0.3, cap: 3 }

/** Throws config_invalid when there is no such queue. */
export async function openDeadLetters(
  config: Pick<Config, 'queue' | 'awsRegion'>,
  signal: AbortSignal,
  options: QueueOptions = {},
): Promise<DeadLetters> {
  const name = config.queue.deadLetterName
  const client = createSqsClient(config, options, requestMs)

  async function call<T>(
    action: string,
    signal: AbortSignal,
    run: (abortSignal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    try {
      return await retry(() => run(signal), { ...retries, signal, retryIf: isTransient })
    } catch (error) {
      if (signal.aborted) throw signal.reason
      throw queueError(action, name, error)
    }
  }

  const find = new GetQueueUrlCommand({ QueueName: name })
  const { QueueUrl = '' } = await call('find', signal, (abortSignal) =>
    client.send(find, { abortSignal }),
  ).catch((error: unknown) => {
    client.destroy()
    throw error
  })

  return {
    name,
    async count(signal) {
      const command = new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] })
      const answer = await call('ask', signal, (abortSignal) => client.send(command, { abortSignal }))
      const { Attributes: live = {} } = answer
      return (
        Number(live.ApproximateNumberOfMessages ?? 0) +
        Number(live.ApproximateNumberOfMessagesNotVisible ?? 0) +
        Number(live.ApproximateNumberOfMessagesDelayed ?? 0)
      )
    },
    async receive(hideSeconds, signal) {
      const command = new ReceiveMessageCommand({
        ...{ QueueUrl, MaxNumberOfMessages: batchSize, WaitTimeSeconds: pollSeconds },
        ...{ VisibilityTimeout: hideSeconds, MessageAttributeNames: ['All'] },
        MessageSystemAttributeNames: ['SentTimestamp', 'MessageGroupId'],
      })
      const answer = await call('read', signal, (abortSignal) => client.send(command, { abortSignal }))
      return (answer.Messages ?? []).map(asDeadLetter)
    },
    async release(letters, signal) {
      for (let at = 0; at < letters.length; at += batchSize) {
        const Entries = letters.slice(at, at + batchSize).map(({ receiptHandle }, index) => {
          return { Id: String(index), ReceiptHandle: receiptHandle, VisibilityTimeout: 0 }
        })
        const command = new ChangeMessageVisibilityBatchCommand({ QueueUrl, Entries })
        await call('give back to', signal, (abortSignal) => client.send(command, { abortSignal }))
      }
    },
    async remove({ receiptHandle }, signal) {
      const command = new DeleteMessageCommand({ QueueUrl, ReceiptHandle: receiptHandle })
      await call('delete from', signal, (abortSignal) => client.send(command, { abortSignal }))
    },
    close: () => client.destroy(),
  }
}

function asDeadLetter(message: Message): DeadLetter {
  return {
    messageId: message.MessageId ?? '',
    receiptHandle: message.ReceiptHandle ?? '',
    body: message.Body ?? '',
    reason: message.MessageAttributes?.reason?.StringValue,
    groupId: message.Attributes?.MessageGroupId,
    sentMs: Number(message.Attributes?.SentTimestamp ?? 0),
  }
}
