import {
  ChangeMessageVisibilityCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  SendMessageCommand,
  type SendMessageCommandInput,
  type SQSClient,
} from '@aws-sdk/client-sqs'
import { retry } from './backoff.ts'
import type { Config } from './config.ts'
import { type QueueAttributes, readAttributes } from './queue-attributes.ts'
import { createSqsClient, type QueueOptions } from './queue-client.ts'
import { isTransient, leaseError, queueError } from './queue-errors.ts'

export interface SendOptions {
  delaySeconds?: number
  /** Fair queues: messages of one group do not starve those of others. */
  groupId?: string
  signal: AbortSignal
}

export interface ParkedMessage {
  readonly body: string
  readonly messageId: string
  readonly groupId?: string
}

/**
 * The job queue and its dead-letter queue. Calls throw WorkerError: `queue_unavailable` when SQS does not answer
 * after fast retries, `config_invalid` when it refuses us or the queue is gone; an abort throws its reason.
 */
export interface Queue {
  readonly url: string
  readonly deadLetterUrl: string
  /** For sqs-consumer's long polls only: its requests may take as long as a poll. */
  readonly pollClient: SQSClient
  attributes(signal: AbortSignal): Promise<QueueAttributes>
  /** Visible again in `seconds` from now, 0 to 43200. Throws lease_lost or lease_cap when it is ours no more. */
  extend(receiptHandle: string, seconds: number, signal: AbortSignal): Promise<void>
  /** Deleting what is gone already is no error. */
  delete(receiptHandle: string, signal: AbortSignal): Promise<void>
  send(body: string, options: SendOptions): Promise<void>
  /** Copies a message to the DLQ in its own group, with attributes `reason` and `original_message_id`. */
  park(message: ParkedMessage, reason: string, signal: AbortSignal): Promise<void>
  close(): void
}

// Separate clients, since one slow kind of call must not hold up another (facts.md, SQS). Milliseconds:
/** Above the longest poll of 20 s. */
const pollMs = 30_000
/** A beat that hangs must be tried again before the lease runs out. */
const leaseMs = 5_000
const otherMs = 10_000

const fastRetries = { tries: 3, base: 0.2, cap: 1 }
/** A delete comes after hours of work: try longer. */
const deleteRetries = { tries: 6, base: 0.3, cap: 3 }
/** An attribute may hold far more; a reason is for people. */
const reasonLength = 1000

/** Looks both queues up by name; throws config_invalid if one does not exist, queue_unavailable without an answer. */
export async function openQueue(
  config: Pick<Config, 'queue' | 'awsRegion'>,
  signal: AbortSignal,
  options: QueueOptions = {},
): Promise<Queue> {
  const { name, deadLetterName } = config.queue
  const connect = (requestMs: number) => createSqsClient(config, options, requestMs)
  const pollClient = connect(pollMs)
  const leaseClient = connect(leaseMs)
  const client = connect(otherMs)
  const close = () => {
    for (const each of [pollClient, leaseClient, client]) each.destroy()
  }

  async function call<T>(
    action: string,
    run: (abortSignal: AbortSignal) => Promise<T>,
    signal: AbortSignal,
    options: { queue?: string; retries?: typeof fastRetries; makeError?: typeof leaseError } = {},
  ): Promise<T> {
    const { queue = name, retries = fastRetries, makeError } = options
    try {
      return await retry(() => run(signal), { ...retries, signal, retryIf: isTransient })
    } catch (error) {
      if (signal.aborted) throw signal.reason
      throw makeError ? makeError(queue, error) : queueError(action, queue, error)
    }
  }

  const lookUp = (QueueName: string) =>
    call(
      'find',
      (abortSignal) => client.send(new GetQueueUrlCommand({ QueueName }), { abortSignal }),
      signal,
      {
        queue: QueueName,
      },
    ).then((answer) => answer.QueueUrl ?? '')

  let url: string
  let deadLetterUrl: string
  try {
    url = await lookUp(name)
    deadLetterUrl = await lookUp(deadLetterName)
  } catch (error) {
    close()
    throw error
  }
  const send = (input: SendMessageCommandInput, queue: string, signal: AbortSignal) =>
    call('send to', (abortSignal) => client.send(new SendMessageCommand(input), { abortSignal }), signal, {
      queue,
    })

  return {
    url,
    deadLetterUrl,
    pollClient,
    async attributes(signal) {
      const command = new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ['All'] })
      const answer = await call('ask', (abortSignal) => client.send(command, { abortSignal }), signal)
      return readAttributes(answer.Attributes ?? {})
    },
    async extend(ReceiptHandle, seconds, signal) {
      const input = { QueueUrl: url, ReceiptHandle, VisibilityTimeout: seconds }
      const run = (abortSignal: AbortSignal) =>
        leaseClient.send(new ChangeMessageVisibilityCommand(input), { abortSignal })
      await call('extend', run, signal, { makeError: leaseError })
    },
    async delete(ReceiptHandle, signal) {
      const run = (abortSignal: AbortSignal) =>
        client.send(new DeleteMessageCommand({ QueueUrl: url, ReceiptHandle }), { abortSignal })
      await call('delete from', run, signal, { retries: deleteRetries })
    },
    async send(body, { delaySeconds, groupId, signal }) {
      const input = {
        QueueUrl: url,
        MessageBody: body,
        ...(delaySeconds === undefined ? {} : { DelaySeconds: delaySeconds }),
        ...(groupId === undefined ? {} : { MessageGroupId: groupId }),
      }
      await send(input, name, signal)
    },
    async park({ body, messageId, groupId }, reason, signal) {
      const text = (value: string) => ({ DataType: 'String', StringValue: value })
      const MessageAttributes = {
        reason: text(cleanReason(reason)),
        original_message_id: text(messageId || '-'),
      }
      const group = groupId === undefined ? {} : { MessageGroupId: groupId }
      const input = { QueueUrl: deadLetterUrl, MessageBody: body, MessageAttributes, ...group }
      await send(input, deadLetterName, signal)
    },
    close,
  }
}

/** SQS takes the characters of XML 1.0 only, and no empty value. */
function cleanReason(reason: string): string {
  const allowed = reason.replace(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD]/g, '?')
  return allowed.slice(0, reasonLength) || 'no reason given'
}
