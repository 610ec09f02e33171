import type { Message } from '@aws-sdk/client-sqs'
import { Consumer } from 'sqs-consumer'
import { fullJitter } from '../shared/backoff.ts'
import type { Config } from '../shared/config.ts'
import type { Logger } from '../shared/logger.ts'
import type { Queue } from '../shared/queue.ts'
import { monotonicMs, sleep } from '../shared/time.ts'

/** Errors of the queue are backed off, in seconds: sqs-consumer polls again at once after most of them. */
const backoff = { base: 1, cap: 30 }

/** A delivery as the slots see it. */
export interface Delivery {
  readonly body: string
  readonly messageId: string
  /** MessageGroupId, if it was sent with one. */
  readonly groupId?: string
  readonly receiptHandle: string
  /** ApproximateReceiveCount. */
  readonly receiveCount: number
  /** SentTimestamp: milliseconds since 1970, by the clock of SQS. */
  readonly sentMs: number
  /** monotonicMs() when the receive answered. */
  readonly receivedMs: number
}

export interface Intake {
  start(): void
  /** No new polls. Resolves when every open long poll has ended: cutting one off can swallow a message. */
  stop(): Promise<void>
  /** Milliseconds since a poll was last answered, with or without a message; 0 while every slot is at work. */
  sinceGoodPollMs(): number
  readonly stopping: boolean
}

export interface IntakeInput {
  readonly queue: Queue
  readonly config: Pick<Config, 'concurrency' | 'queue' | 'lease'>
  readonly logger: Logger
  /** Runs a delivery to its settled end; it never rejects. */
  handle(delivery: Delivery, slot: number): Promise<void>
  /** Resolves when polling is allowed: gate.ts. True when it was held back. */
  gate(signal: AbortSignal): Promise<boolean>
  onPoll?(result: 'message' | 'empty' | 'error'): void
}

/**
 * One consumer a slot, one message a consumer: a slot that works does not poll, so a worker never holds more
 * messages than it has free slots. sqs-consumer polls and nothing else: everything after receive is ours.
 */
export function createIntake(input: IntakeInput): Intake {
  const { queue, config, logger } = input
  const stopped = new AbortController()
  const openPolls = new Set<Promise<void>>()
  let lastGoodMs = monotonicMs()
  let busy = 0

  const consumers = Array.from({ length: config.concurrency }, (_, slot) => createConsumer(slot))

  function createConsumer(slot: number): Consumer {
    let failures = 0
    let endPoll: () => void = () => {}
    const answered = (result: 'message' | 'empty') => {
      failures = 0
      lastGoodMs = monotonicMs()
      input.onPoll?.(result)
    }
    const consumer = Consumer.create({
      sqs: queue.pollClient,
      queueUrl: queue.url,
      batchSize: 1,
      waitTimeSeconds: config.queue.waitSeconds,
      visibilityTimeout: config.lease.visibilitySeconds,
      messageSystemAttributeNames: ['ApproximateReceiveCount', 'SentTimestamp', 'MessageGroupId'],
      shouldDeleteMessages: false,
      pollingWaitTimeMs: 0,
      authenticationErrorTimeout: 5_000,
      suppressFifoWarning: true,
      preReceiveMessageCallback: async () => {
        if (failures > 0) {
          const seconds = Math.max(0.5, fullJitter({ ...backoff, attempt: failures }))
          await sleep(seconds * 1000, { signal: stopped.signal })
        }
        // Held on purpose: the silence until now is not the queue's.
        if (await input.gate(stopped.signal)) lastGoodMs = monotonicMs()
        stopped.signal.throwIfAborted()
        const poll = new Promise<void>((resolve) => {
          endPoll = resolve
        })
        openPolls.add(poll)
        void poll.then(() => openPolls.delete(poll))
      },
      postReceiveMessageCallback: async () => endPoll(),
      handleMessage: async (message: Message) => {
        answered('message')
        busy += 1
        await input.handle(asDelivery(message), slot)
        busy -= 1
        lastGoodMs = monotonicMs()
        return undefined
      },
    })
    consumer.on('empty', () => answered('empty'))
    consumer.on('error', (error) => {
      endPoll()
      if (stopped.signal.aborted) return
      failures += 1
      input.onPoll?.('error')
      logger.warn({ err: error, slot, failures }, 'the queue could not be polled')
    })
    const unexpected = (error: Error) =>
      logger.error({ err: error, slot }, 'a delivery ended with an error of its own')
    consumer.on('processing_error', unexpected)
    consumer.on('timeout_error', unexpected)
    return consumer
  }

  return {
    start() {
      for (const consumer of consumers) consumer.start()
    },
    async stop() {
      stopped.abort()
      for (const consumer of consumers) consumer.stop()
      await Promise.all(openPolls)
    },
    sinceGoodPollMs: () => (busy === config.concurrency ? 0 : monotonicMs() - lastGoodMs),
    get stopping() {
      return stopped.signal.aborted
    },
  }
}

function asDelivery(message: Message): Delivery {
  return {
    body: message.Body ?? '',
    messageId: message.MessageId ?? '',
    ...(message.Attributes?.MessageGroupId ? { groupId: message.Attributes.MessageGroupId } : {}),
    receiptHandle: message.ReceiptHandle ?? '',
    receiveCount: Number(message.Attributes?.ApproximateReceiveCount ?? 1),
    sentMs: Number(message.Attributes?.SentTimestamp ?? 0),
    receivedMs: monotonicMs(),
  }
}
