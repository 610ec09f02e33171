import {
  ChangeMessageVisibilityCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
} from '@aws-sdk/client-sqs'
import { retry } from './backoff.ts'
import type { Config } from './config.ts'
import { createSqsClient, type QueueOptions } from './queue-client.ts'
import { isRefusal, isTransient, queueError } from './queue-errors.ts'

/** What a queue lets us do, and its attributes as SQS gives them. */
export interface QueueProbe {
  readonly name: string
  readonly attributes: Readonly<Record<string, string>>
  readonly permissions: readonly Permission[]
}

export interface Permission {
  readonly action: 'SendMessage' | 'ReceiveMessage' | 'DeleteMessage' | 'ChangeMessageVisibility'
  readonly verdict: 'allowed' | 'denied' | 'unknown'
  /** What SQS answered, by name. */
  readonly answer: string
}

const requestMs = 10_000
const retries = { tries: 2, base: 0.2, cap: 0.5 }
/** No receipt handle that SQS ever issued. */
const noHandle = 'video-worker-doctor'

/**
 * Tries every action on a queue without touching a message: each request is invalid, and SQS says so only to those who
 * may make it; the others hear of the permission first. Throws as openQueue does when there is no such queue, or no
 * answer.
 */
export async function probeQueue(
  config: Pick<Config, 'queue' | 'awsRegion'>,
  name: string,
  signal: AbortSignal,
  options: QueueOptions = {},
): Promise<QueueProbe> {
  const client = createSqsClient(config, options, requestMs)
  const abort = { abortSignal: signal }
  const call = <T>(action: string, run: () => Promise<T>): Promise<T> =>
    retry(run, { ...retries, signal, retryIf: isTransient }).catch((error: unknown) => {
      signal.throwIfAborted()
      throw queueError(action, name, error)
    })
  try {
    const found = await call('find', () => client.send(new GetQueueUrlCommand({ QueueName: name }), abort))
    const QueueUrl = found.QueueUrl ?? ''
    const ask = new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] })
    const { Attributes: attributes = {} } = await call('ask', () => client.send(ask, abort))
    // Invalid twice over where one alone might be let through: a body that no message may have, a delay too long.
    const send = new SendMessageCommand({ QueueUrl, MessageBody: '\u0001', DelaySeconds: 901 })
    // More than ten are refused; if they were not, they would be visible again at once.
    const receive = new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 11, VisibilityTimeout: 0 })
    const remove = new DeleteMessageCommand({ QueueUrl, ReceiptHandle: noHandle })
    const change = { QueueUrl, ReceiptHandle: noHandle, VisibilityTimeout: 0 }
    const permissions = await Promise.all([
      permission('SendMessage', () => client.send(send, abort)),
      permission('ReceiveMessage', () => client.send(receive, abort)),
      permission('DeleteMessage', () => client.send(remove, abort)),
      permission('ChangeMessageVisibility', () =>
        client.send(new ChangeMessageVisibilityCommand(change), abort),
      ),
    ])
    return { name, attributes, permissions }
  } finally {
    client.destroy()
  }
}

async function permission(action: Permission['action'], run: () => Promise<unknown>): Promise<Permission> {
  try {
    await run()
    return { action, verdict: 'allowed', answer: 'accepted' }
  } catch (error) {
    const answer = error instanceof Error ? error.name : String(error)
    // A throttle has the status of a refusal.
    const verdict = isTransient(error) ? 'unknown' : isRefusal(error) ? 'denied' : 'allowed'
    return { action, verdict, answer }
  }
}
