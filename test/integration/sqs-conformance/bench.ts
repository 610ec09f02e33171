import {
  ChangeMessageVisibilityCommand,
  CreateQueueCommand,
  DeleteMessageCommand,
  DeleteQueueCommand,
  GetQueueAttributesCommand,
  type Message,
  ReceiveMessageCommand,
  type ReceiveMessageCommandInput,
  SendMessageCommand,
  type SendMessageCommandInput,
  SQSClient,
} from '@aws-sdk/client-sqs'
import { sleep } from '../../../shared/time.ts'

/** A queue of one rule's own, and what a rule does with it, through the real client. */
export interface BenchQueue {
  readonly client: SQSClient
  readonly QueueUrl: string
  readonly arn: string
  send(body: string, more?: Partial<SendMessageCommandInput>): Promise<string>
  /** One message by a long poll of 5 s, unless `more` says otherwise; undefined when none came. */
  receive(more?: Partial<ReceiveMessageCommandInput>): Promise<Message | undefined>
  /** True when a long poll of so many seconds (1) gets nothing. */
  isEmpty(seconds?: number): Promise<boolean>
  change(message: Message, seconds: number): Promise<unknown>
  delete(message: Message): Promise<unknown>
  attributes(): Promise<Record<string, string>>
}

export interface Bench {
  /** Attributes as SQS takes them. */
  queue(attributes?: Record<string, string>): Promise<BenchQueue>
  readonly client: SQSClient
  /** The address of a queue by that name, whether it is there or not. */
  urlOf(name: string): string
  /** A name that nobody else uses. */
  newName(): string
  pause(seconds: number): Promise<void>
  close(): Promise<void>
}

const { signal } = new AbortController()

/** `prefix` keeps the queues of one run apart; they are deleted at the end. */
export function openBench(options: {
  endpoint?: string
  region: string
  prefix: string
  urlOf: (name: string) => string
}): Bench {
  const { endpoint, region, prefix, urlOf } = options
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' }
  const local = endpoint === undefined ? {} : { endpoint, credentials }
  const client = new SQSClient({ region, maxAttempts: 1, ...local })
  const made: string[] = []
  let names = 0
  const newName = () => `${prefix}-${names++}`

  return {
    ...{ client, urlOf, newName },
    pause: (seconds) => sleep(seconds * 1000, { signal }),
    async queue(Attributes = {}) {
      const input = { QueueName: newName(), Attributes }
      const { QueueUrl = '' } = await client.send(new CreateQueueCommand(input))
      made.push(QueueUrl)
      return openQueue(client, QueueUrl)
    },
    async close() {
      // A queue that a rule deleted itself is no trouble.
      await Promise.allSettled(made.map((QueueUrl) => client.send(new DeleteQueueCommand({ QueueUrl }))))
      client.destroy()
    },
  }
}

async function openQueue(client: SQSClient, QueueUrl: string): Promise<BenchQueue> {
  const attributes = async () => {
    const command = new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] })
    return (await client.send(command)).Attributes ?? {}
  }
  const receive: BenchQueue['receive'] = async (more = {}) => {
    const input = { QueueUrl, WaitTimeSeconds: 5, MessageSystemAttributeNames: ['All' as const], ...more }
    return (await client.send(new ReceiveMessageCommand(input))).Messages?.[0]
  }
  return {
    ...{ client, QueueUrl, receive, attributes },
    arn: (await attributes()).QueueArn ?? '',
    async send(MessageBody, more = {}) {
      const command = new SendMessageCommand({ QueueUrl, MessageBody, ...more })
      return (await client.send(command)).MessageId ?? ''
    },
    isEmpty: async (seconds = 1) => (await receive({ WaitTimeSeconds: seconds })) === undefined,
    change: ({ ReceiptHandle }, VisibilityTimeout) =>
      client.send(new ChangeMessageVisibilityCommand({ QueueUrl, ReceiptHandle, VisibilityTimeout })),
    delete: ({ ReceiptHandle }) => client.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle })),
  }
}

/** Status and name of what the client threw, as a rule compares them: `400 InvalidParameterValue`. */
export async function failure(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
    return 'no failure'
  } catch (error) {
    const { name, $metadata } = error as { name: string; $metadata?: { httpStatusCode?: number } }
    return `${$metadata?.httpStatusCode} ${name.split('.').at(-1)}`
  }
}
