import { GetQueueAttributesCommand, GetQueueUrlCommand } from '@aws-sdk/client-sqs'
import { retry } from './backoff.ts'
import type { Config } from './config.ts'
import { type QueueAttributes, readAttributes } from './queue-attributes.ts'
import { createSqsClient, type QueueOptions } from './queue-client.ts'
import { isTransient, queueError } from './queue-errors.ts'

/** Reads the counts of queues by name, for whoever does nothing else with them: two permissions. */
export interface QueueCounts {
  /** Throws queue_unavailable, or config_invalid when SQS refuses us or there is no such queue. */
  attributes(name: string, signal: AbortSignal): Promise<QueueAttributes>
  close(): void
}

const requestMs = 5_000
const retries = { tries: 3, base: 0.2, cap: 1 }

export function openQueueCounts(
  config: Pick<Config, 'queue' | 'awsRegion'>,
  options: QueueOptions = {},
): QueueCounts {
  const client = createSqsClient(config, options, requestMs)
  return {
    async attributes(QueueName, signal) {
      const ask = async () => {
        const { QueueUrl } = await client.send(new GetQueueUrlCommand({ QueueName }), { abortSignal: signal })
        const command = new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] })
        return readAttributes((await client.send(command, { abortSignal: signal })).Attributes ?? {})
      }
      try {
        return await retry(ask, { ...retries, signal, retryIf: isTransient })
      } catch (error) {
        signal.throwIfAborted()
        throw queueError('ask', QueueName, error)
      }
    },
    close: () => client.destroy(),
  }
}
