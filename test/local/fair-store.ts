/** The store of fauxqs with fair queues: its standard queues keep the group of a message and deliver in that order. */
// Not among the exports of fauxqs, whose version is pinned: the queue is the only place that knows what waits.
import { type SqsQueue, SqsStore } from '../../node_modules/fauxqs/dist/sqs/sqsStore.js'
import { FairOrder } from './fair-queues.ts'

/** A message that came into a queue, or went out to a consumer. */
export interface Passage {
  readonly what: 'sent' | 'received'
  readonly queue: string
  readonly messageId: string
  readonly body: string
}

/** A SendMessage, or an entry of a batch, as it came over HTTP. */
interface Entry {
  MessageAttributes?: object
  readonly MessageGroupId?: string
}

export class FairStore extends SqsStore {
  /** In the order of the queue's own doing, which no log of a consumer can tell. */
  readonly traffic: Passage[] = []
  /** fauxqs hands the attributes of a request on as they are, so that they tell which message came from which. */
  readonly #groups = new WeakMap<object, string>()

  override createQueue(...input: Parameters<SqsStore['createQueue']>): SqsQueue {
    const queue = super.createQueue(...input)
    const saw = (what: Passage['what'], messageId: string, body: string) =>
      this.traffic.push({ what, queue: queue.name, messageId, body })
    if (!queue.isFifo()) makeFair(queue, (attributes) => this.#groups.get(attributes), saw)
    return queue
  }

  /** To be told of every SendMessage and SendMessageBatch before fauxqs is. */
  note(request: Entry & { readonly Entries?: readonly Entry[] }): void {
    for (const entry of [request, ...(request.Entries ?? [])]) {
      if (entry.MessageGroupId === undefined) continue
      entry.MessageAttributes ??= {}
      this.#groups.set(entry.MessageAttributes, entry.MessageGroupId)
    }
  }
}

function makeFair(
  queue: SqsQueue,
  groupFor: (attributes: object) => string | undefined,
  saw: (what: Passage['what'], messageId: string, body: string) => void,
): void {
  const order = new FairOrder()
  queue.inflightMessages = new Leases(order)
  const enqueue = queue.enqueue.bind(queue)
  queue.enqueue = (message) => {
    const group = groupFor(message.messageAttributes)
    if (group !== undefined) message.messageGroupId = group
    order.sent(message)
    saw('sent', message.messageId, message.body)
    enqueue(message)
  }
  const dequeue = queue.dequeue.bind(queue)
  queue.dequeue = (most, ...how) => {
    const received: ReturnType<typeof dequeue> = []
    // What has become visible again has to be in the list before it is looked at.
    queue.processTimers()
    while (received.length < most && queue.messages.length > 0) {
      const [next] = queue.messages.splice(order.next(queue.messages), 1)
      const { messageGroupId } = next!
      if (queue.messages.every((message) => message.messageGroupId !== messageGroupId)) order.drained(next!)
      queue.messages.unshift(next!)
      received.push(...dequeue(1, ...how))
    }
    for (const { MessageId, Body } of received) saw('received', MessageId, Body)
    return received
  }
}

type Lease = SqsQueue['inflightMessages'] extends Map<string, infer Entry> ? Entry : never

/** What is in flight, in whichever way it got there and ends. */
class Leases extends Map<string, Lease> {
  readonly #order: FairOrder

  constructor(order: FairOrder) {
    super()
    this.#order = order
  }

  override set(handle: string, lease: Lease): this {
    this.#order.received(handle, lease.message)
    return super.set(handle, lease)
  }

  override delete(handle: string): boolean {
    this.#order.letGo(handle)
    return super.delete(handle)
  }

  override clear(): void {
    for (const handle of this.keys()) this.#order.letGo(handle)
    super.clear()
  }
}
