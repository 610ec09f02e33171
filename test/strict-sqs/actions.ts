import { readBatch } from './batch.ts'
import { invalidValue, missing, SqsError } from './errors.ts'
import { md5, md5OfAttributes } from './md5.ts'
import type { MessageAttribute } from './message.ts'
import type { StrictSqs } from './model.ts'
import type { Delivery, StrictQueue } from './queue.ts'
import { type Call, namesOf, needText, numberOf, queueNameOf, textOf } from './wire.ts'

/** Who is asked, and under which address. */
export interface Desk {
  readonly sqs: StrictSqs
  /** Queues are told by ARN: `arn:aws:sqs:{region}:{account}:{name}`. */
  readonly region: string
  urlOf(name: string): string
}

export const account = '000000000000'
type Input = Call['input']
type Answer = Readonly<Record<string, unknown>>
type Action = (desk: Desk, input: Input) => Answer

/** Every action but ReceiveMessage, which may wait: polls.ts. Shapes are those of the API reference. */
export const actions: Readonly<Record<string, Action>> = {
  CreateQueue: ({ sqs, urlOf }, input) => {
    const attributes = (input.Attributes ?? {}) as Record<string, string>
    return { QueueUrl: urlOf(sqs.createQueue(needText(input, 'QueueName'), attributes).name) }
  },
  GetQueueUrl: ({ sqs, urlOf }, input) => ({ QueueUrl: urlOf(sqs.queue(needText(input, 'QueueName')).name) }),
  ListQueues: ({ sqs, urlOf }, input) => {
    const prefix = textOf(input, 'QueueNamePrefix') ?? ''
    const QueueUrls = sqs
      .names()
      .filter((name) => name.startsWith(prefix))
      .map(urlOf)
    return QueueUrls.length === 0 ? {} : { QueueUrls }
  },
  DeleteQueue: ({ sqs }, input) => {
    sqs.deleteQueue(queueNameOf(input))
    return {}
  },
  PurgeQueue: (desk, input) => {
    queueOf(desk, input).purge()
    return {}
  },
  GetQueueAttributes: (desk, input) => ({ Attributes: readAttributes(desk, input) }),
  SetQueueAttributes: (desk, input) => {
    queueOf(desk, input).setAttributes((input.Attributes ?? {}) as Record<string, string>)
    return {}
  },
  SendMessage: (desk, input) => sendOne(queueOf(desk, input), input),
  DeleteMessage: (desk, input) => deleteOne(queueOf(desk, input), input),
  ChangeMessageVisibility: (desk, input) => changeOne(queueOf(desk, input), input),
  SendMessageBatch: (desk, input) => readBatch(input, (entry) => sendOne(queueOf(desk, input), entry)),
  DeleteMessageBatch: (desk, input) => readBatch(input, (entry) => deleteOne(queueOf(desk, input), entry)),
  ChangeMessageVisibilityBatch: (desk, input) =>
    readBatch(input, (entry) => changeOne(queueOf(desk, input), entry)),
}

export function queueOf({ sqs }: Desk, input: Input): StrictQueue {
  return sqs.queue(queueNameOf(input))
}

function sendOne(queue: StrictQueue, input: Input): Answer {
  const body = needText(input, 'MessageBody')
  const attributes = (input.MessageAttributes ?? {}) as Record<string, MessageAttribute>
  const { id } = queue.send({
    body,
    attributes,
    delaySeconds: numberOf(input, 'DelaySeconds'),
    groupId: textOf(input, 'MessageGroupId'),
  })
  const MD5OfMessageAttributes = md5OfAttributes(attributes)
  return { MessageId: id, MD5OfMessageBody: md5(body), MD5OfMessageAttributes }
}

function deleteOne(queue: StrictQueue, input: Input): Answer {
  queue.delete(needText(input, 'ReceiptHandle'))
  return {}
}

function changeOne(queue: StrictQueue, input: Input): Answer {
  const seconds = numberOf(input, 'VisibilityTimeout')
  if (seconds === undefined) throw missing('VisibilityTimeout')
  queue.changeVisibility(needText(input, 'ReceiptHandle'), seconds)
  return {}
}

function readAttributes(desk: Desk, input: Input): Record<string, string> {
  const queue = queueOf(desk, input)
  const counts = queue.reportedCounts()
  const all: Record<string, string> = {
    ...queue.attributes,
    QueueArn: `arn:aws:sqs:${desk.region}:${account}:${queue.name}`,
    ApproximateNumberOfMessages: String(counts.waiting),
    ApproximateNumberOfMessagesNotVisible: String(counts.inFlight),
    ApproximateNumberOfMessagesDelayed: String(counts.delayed),
  }
  const names = namesOf(input, 'AttributeNames')
  if (names.includes('All')) return all
  const unknown = names.find((name) => all[name] === undefined && !/^[A-Z]\w+$/.test(name))
  if (unknown !== undefined) throw new SqsError('InvalidAttributeName', `Unknown Attribute ${unknown}.`)
  return Object.fromEntries(Object.entries(all).filter(([name]) => names.includes(name)))
}

/** What a receive asks for; throws as ReceiveMessage does. */
export function readReceive(queue: StrictQueue, input: Input) {
  const waitSeconds = numberOf(input, 'WaitTimeSeconds') ?? queue.waitSeconds
  if (!Number.isInteger(waitSeconds) || waitSeconds < 0 || waitSeconds > 20)
    throw invalidValue(waitSeconds, 'WaitTimeSeconds', 'Must be >= 0 and <= 20, if provided.')
  return {
    waitSeconds,
    options: {
      most: numberOf(input, 'MaxNumberOfMessages'),
      visibilitySeconds: numberOf(input, 'VisibilityTimeout'),
      long: waitSeconds > 0,
    },
  }
}

/** A delivery as ReceiveMessage tells it: attributes only as far as they are asked for. */
export function writeDelivery({ message, handle, receiveCount }: Delivery, desk: Desk, input: Input): Answer {
  const system: Record<string, string | undefined> = {
    SenderId: 'AIDALOCAL',
    SentTimestamp: String(Math.round(message.sentMs)),
    ApproximateReceiveCount: String(receiveCount),
    ApproximateFirstReceiveTimestamp: String(Math.round(message.firstReceivedMs ?? message.sentMs)),
    MessageGroupId: message.groupId,
    DeadLetterQueueSourceArn:
      message.movedFrom && `arn:aws:sqs:${desk.region}:${account}:${message.movedFrom}`,
  }
  const asked = [...namesOf(input, 'MessageSystemAttributeNames'), ...namesOf(input, 'AttributeNames')]
  const Attributes = pick(system, (name) => asked.includes('All') || asked.includes(name))
  const wanted = namesOf(input, 'MessageAttributeNames')
  const MessageAttributes = pick(message.attributes, (name) => wanted.some((want) => matches(want, name)))
  return {
    MessageId: message.id,
    ReceiptHandle: handle,
    Body: message.body,
    MD5OfBody: md5(message.body),
    ...(Object.keys(Attributes).length === 0 ? {} : { Attributes }),
    ...(Object.keys(MessageAttributes).length === 0
      ? {}
      : { MessageAttributes, MD5OfMessageAttributes: md5OfAttributes(MessageAttributes) }),
  }
}

function matches(wanted: string, name: string): boolean {
  if (wanted === 'All' || wanted === '.*') return true
  return wanted.endsWith('.*') ? name.startsWith(wanted.slice(0, -2)) : wanted === name
}

function pick<T>(
  all: Readonly<Record<string, T | undefined>>,
  wanted: (name: string) => boolean,
): Record<string, T> {
  return Object.fromEntries(
    Object.entries(all).filter((entry): entry is [string, T] => entry[1] !== undefined && wanted(entry[0])),
  )
}
