/** A message of the model with all that ever happened to it. Times are milliseconds of the model's clock. */

/** As SQS takes and gives them; only strings are used here, binary ones pass through. */
export interface MessageAttribute {
  readonly DataType: string
  readonly StringValue?: string
  readonly BinaryValue?: string
}

/**
 *   sent:     accepted, and visible after its delay
 *   received: in flight; `heard` tells whether the answer came to the client
 *   changed:  its visibility was set
 *   lapsed:   its visibility ended
 *   deleted:  by its handle, or by a purge
 *   expired:  older than the queue's retention
 *   moved:    to the dead-letter queue, whose name is in `queue`
 */
export interface MessageEvent {
  readonly what: 'sent' | 'received' | 'changed' | 'lapsed' | 'deleted' | 'expired' | 'moved'
  readonly atMs: number
  /** The queue it is in from then on. */
  readonly queue: string
  /** From when on a receive finds it; Infinity when it is gone. */
  readonly visibleAtMs: number
  readonly handle?: string
  readonly heard?: boolean
}

export interface MessageView {
  readonly id: string
  readonly queue: string
  readonly body: string
  readonly groupId: string | undefined
  readonly attributes: Readonly<Record<string, MessageAttribute>>
  /** Of the first send: a move to the dead-letter queue keeps it, and with it the age. */
  readonly sentMs: number
  readonly firstReceivedMs: number | undefined
  readonly receiveCount: number
  readonly visibleAtMs: number
  /** Of the newest receive. */
  readonly handle: string | undefined
  /** The queue that it was moved out of. */
  readonly movedFrom: string | undefined
  readonly gone: boolean
  readonly history: readonly MessageEvent[]
}

export class Message implements MessageView {
  readonly id: string
  readonly body: string
  readonly groupId: string | undefined
  readonly attributes: Readonly<Record<string, MessageAttribute>>
  readonly sentMs: number
  readonly history: MessageEvent[] = []
  queue: string
  firstReceivedMs: number | undefined
  receiveCount = 0
  handle: string | undefined
  movedFrom: string | undefined
  /** A copy on another server is found from then on, once. */
  copyAtMs = Number.POSITIVE_INFINITY

  constructor(
    input: Pick<MessageView, 'id' | 'queue' | 'body' | 'groupId' | 'attributes' | 'sentMs'>,
    visibleAtMs: number,
  ) {
    this.id = input.id
    this.queue = input.queue
    this.body = input.body
    this.groupId = input.groupId
    this.attributes = input.attributes
    this.sentMs = input.sentMs
    this.record('sent', input.sentMs, visibleAtMs)
  }

  get visibleAtMs(): number {
    return this.history.at(-1)!.visibleAtMs
  }

  get gone(): boolean {
    return this.visibleAtMs === Number.POSITIVE_INFINITY
  }

  record(
    what: MessageEvent['what'],
    atMs: number,
    visibleAtMs: number,
    more: Pick<MessageEvent, 'handle' | 'heard'> = {},
  ): void {
    this.history.push({ what, atMs, queue: this.queue, visibleAtMs, ...more })
  }

  isInFlight(atMs: number): boolean {
    return stateAt(this, this.queue, atMs) === 'inFlight'
  }
}

/** Where a message stood in a queue at a time; undefined when it was not in it. */
export function stateAt(
  { history }: MessageView,
  queue: string,
  atMs: number,
): 'waiting' | 'inFlight' | 'delayed' | undefined {
  const last = history.findLast((event) => event.atMs <= atMs)
  if (last === undefined || last.queue !== queue || last.visibleAtMs === Number.POSITIVE_INFINITY)
    return undefined
  if (last.visibleAtMs <= atMs) return 'waiting'
  return last.what === 'sent' ? 'delayed' : 'inFlight'
}
