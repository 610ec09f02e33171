import { FairOrder } from '../local/fair-queues.ts'
import { defaultAttributes, type QueueSettings, readSettings } from './attributes.ts'
import { checkMessage, checkVisibility, type SendInput } from './body.ts'
import { badHandle, invalidValue, SqsError } from './errors.ts'
import { isHandleOf, makeHandle, makeId } from './ids.ts'
import { Message, type MessageView } from './message.ts'
import { type Counts, Shelf } from './shelf.ts'
import type { QueueWorld } from './world.ts'

/** A message in a consumer's hands. */
export interface Delivery {
  readonly message: MessageView
  readonly handle: string
  /** At this delivery; `message` tells those of now. */
  readonly receiveCount: number
}

/** Since its receive a message can be held for no longer, and its handle is of no more use. */
export const longestHoldMs = 43_200_000
const tooLong = 'Total VisibilityTimeout for the message is beyond the limit [43200 seconds].'
const notThere = 'Message does not exist or is not available for visibility timeout change.'

/** One standard queue. Every call throws an SqsError as the call of that name in the API reference does. */
export class StrictQueue {
  readonly name: string
  readonly #world: QueueWorld
  readonly #order: FairOrder
  readonly #shelf: Shelf
  readonly #receipts = new Map<string, { readonly message: Message; readonly receivedMs: number }>()
  #attributes: Readonly<Record<string, string>>
  #settings: QueueSettings

  constructor(name: string, attributes: Readonly<Record<string, string>>, world: QueueWorld) {
    this.name = name
    this.#world = world
    this.#order = new FairOrder(world.clock)
    this.#shelf = new Shelf(name, (handle) => this.#order.letGo(handle))
    this.#attributes = { ...defaultAttributes(), ...attributes }
    this.#settings = readSettings(this.#attributes)
    this.#checkTarget(this.#settings)
  }

  get attributes(): Readonly<Record<string, string>> {
    return this.#attributes
  }

  get waitSeconds(): number {
    return this.#settings.waitSeconds
  }

  /** Changes the attributes that are given, for messages that are in the queue as well. */
  setAttributes(attributes: Readonly<Record<string, string>>): void {
    const all = { ...this.#attributes, ...attributes }
    const settings = readSettings(all)
    this.#checkTarget(settings)
    this.#pass()
    this.#attributes = all
    this.#settings = settings
  }

  send(input: SendInput): MessageView {
    checkMessage(input, this.#settings.maxBytes)
    const { body, groupId, attributes = {}, delaySeconds = this.#settings.delaySeconds } = input
    const sentMs = this.#pass()
    const id = makeId(this.#world.dice.random)
    const message = new Message(
      { id, queue: this.name, body, groupId, attributes, sentMs },
      sentMs + delaySeconds * 1000,
    )
    this.#order.sent({ messageGroupId: groupId })
    this.#shelf.put(message)
    return message
  }

  /** What there is now: a long poll that gets nothing asks again at nextChangeMs, or when something was sent. */
  receive(
    options: { most?: number | undefined; visibilitySeconds?: number | undefined; long?: boolean } = {},
  ): Delivery[] {
    const { most = 1, visibilitySeconds = this.#settings.visibilitySeconds, long = true } = options
    if (!Number.isInteger(most) || most < 1 || most > 10)
      throw invalidValue(most, 'MaxNumberOfMessages', 'Must be between 1 and 10, if provided.')
    checkVisibility(visibilitySeconds)
    const { dice, mostInFlight } = this.#world
    const nowMs = this.#pass()
    if (!long && dice.falls('missed')) return []
    const room = mostInFlight - this.#shelf.countsAt(nowMs, 'live').inFlight
    if (room <= 0 && !long) throw new SqsError('OverLimit', 'Too many messages are in flight.')
    const found: Delivery[] = []
    let heard: boolean | undefined
    while (found.length < Math.min(most, room)) {
      const message = this.#next(nowMs, new Set(found.map((each) => each.message)))
      if (message === undefined) break
      heard ??= !dice.falls('lostReceive')
      found.push(this.#deliver(message, nowMs, visibilitySeconds * 1000, heard))
    }
    return heard === false ? [] : found
  }

  /** Hidden for so many seconds from now; 0 shows it at once. */
  changeVisibility(handle: string, seconds: number): void {
    checkVisibility(seconds)
    const nowMs = this.#pass()
    const receipt = this.#receipt(handle, nowMs)
    if (receipt === undefined) throw invalidValue(handle, 'ReceiptHandle', notThere)
    const { message, receivedMs } = receipt
    if (nowMs + seconds * 1000 > receivedMs + longestHoldMs)
      throw invalidValue(seconds, 'VisibilityTimeout', tooLong)
    const { dice } = this.#world
    if (message.handle !== handle) {
      if (dice.answer('staleChange') === 'refused') throw invalidValue(handle, 'ReceiptHandle', notThere)
    } else if (message.visibleAtMs <= nowMs) {
      const answer = dice.answer('lateChange')
      if (answer === 'ignored') return
      if (answer === 'refused')
        throw new SqsError('MessageNotInflight', "The specified message isn't in flight.")
    }
    message.record('changed', nowMs, nowMs + seconds * 1000, { handle })
    if (seconds === 0 && message.handle !== undefined) this.#order.letGo(message.handle)
  }

  /** Succeeds for what is gone already, and for a stale handle, whatever comes of it. */
  delete(handle: string): void {
    const nowMs = this.#pass()
    const receipt = this.#receipt(handle, nowMs)
    if (receipt === undefined) return
    const { message } = receipt
    const { dice } = this.#world
    if (message.handle !== handle && dice.answer('staleDelete') === 'kept') return
    message.record('deleted', nowMs, Number.POSITIVE_INFINITY, { handle })
    this.#shelf.take(message, dice.falls('undelete') ? this.#copyAtMs(nowMs) : undefined)
  }

  purge(): void {
    const nowMs = this.#pass()
    this.#shelf.forgetCopies()
    for (const message of this.#shelf.live()) {
      message.record('deleted', nowMs, Number.POSITIVE_INFINITY)
      this.#shelf.take(message)
    }
  }

  /** The truth, which SQS tells nobody. */
  counts(): Counts {
    return this.#shelf.countsAt(this.#pass(), 'live')
  }

  /** What GetQueueAttributes answers: the truth of some time ago. */
  reportedCounts(): Counts {
    const lagMs = this.#world.countLagMs()
    return lagMs === 0 ? this.counts() : this.#shelf.countsAt(this.#pass() - lagMs, 'ever')
  }

  /** When time alone changes what is in the queue or what a receive finds; Infinity when it does not. */
  nextChangeMs(): number {
    return this.#shelf.nextChangeMs(this.#pass(), this.#settings.retentionSeconds * 1000)
  }

  /** Those that are in the queue; `ever` also those that were, for whoever checks their history. */
  messages(which: 'now' | 'ever' = 'now'): readonly MessageView[] {
    this.#pass()
    return which === 'now' ? this.#shelf.live() : this.#shelf.ever()
  }

  /** The message of a handle that this queue gave out. */
  messageOf(handle: string): MessageView | undefined {
    return this.#receipts.get(handle)?.message
  }

  #pass(): number {
    const nowMs = this.#world.clock()
    this.#shelf.pass(nowMs, this.#settings.retentionSeconds * 1000)
    return nowMs
  }

  /** The message that is next, after those that have had their receives are out of the way. */
  #next(nowMs: number, taken: ReadonlySet<MessageView>): Message | undefined {
    for (;;) {
      const waiting = this.#shelf.receivable(nowMs).filter((message) => !taken.has(message))
      if (waiting.length === 0) return undefined
      const groups = waiting.map((message) => ({ messageGroupId: message.groupId }))
      const { dice } = this.#world
      const next = dice.falls('disorder') ? dice.oneOf(waiting) : waiting[this.#order.next(groups)]!
      const { redrive } = this.#settings
      const target = redrive && this.#world.find(redrive.target)
      if (target !== undefined && next.receiveCount >= redrive!.maxReceiveCount) {
        this.#move(next, nowMs, target)
        continue
      }
      const { groupId } = next
      if (waiting.filter((message) => message.groupId === groupId).length === 1)
        this.#order.drained({ messageGroupId: groupId })
      return next
    }
  }

  #deliver(message: Message, nowMs: number, visibilityMs: number, heard: boolean): Delivery {
    // A copy takes the message over from whoever holds it.
    if (message.handle !== undefined) this.#order.letGo(message.handle)
    message.receiveCount += 1
    message.firstReceivedMs ??= nowMs
    const { receiveCount } = message
    const handle = makeHandle(this.name, message.id, receiveCount)
    message.handle = handle
    message.copyAtMs = this.#world.dice.falls('duplicate') ? this.#copyAtMs(nowMs) : Number.POSITIVE_INFINITY
    message.record('received', nowMs, nowMs + visibilityMs, { handle, heard })
    this.#shelf.put(message)
    this.#receipts.set(handle, { message, receivedMs: nowMs })
    this.#order.received(handle, { messageGroupId: message.groupId })
    if (visibilityMs === 0) this.#order.letGo(handle)
    return { message, handle, receiveCount }
  }

  /** Id, time of sending, count and attributes go with it. */
  #move(message: Message, nowMs: number, target: StrictQueue): void {
    this.#shelf.take(message)
    message.handle = undefined
    message.movedFrom = this.name
    message.queue = target.name
    message.record('moved', nowMs, nowMs)
    target.#shelf.put(message)
    target.#pass()
  }

  /** Undefined when the message is not here any more. Throws for what is no handle, or one that is too old. */
  #receipt(handle: string, nowMs: number): { message: Message; receivedMs: number } | undefined {
    if (!isHandleOf(this.name, handle)) throw badHandle(handle)
    const receipt = this.#receipts.get(handle)
    if (receipt === undefined) return undefined
    if (receipt.message.gone || receipt.message.queue !== this.name) return undefined
    if (nowMs >= receipt.receivedMs + longestHoldMs)
      throw invalidValue(handle, 'ReceiptHandle', 'The receipt handle has expired.')
    return receipt
  }

  #copyAtMs(nowMs: number): number {
    return nowMs + this.#world.dice.random() * this.#world.copyMs
  }

  #checkTarget({ redrive }: QueueSettings): void {
    if (redrive !== undefined && this.#world.find(redrive.target) === undefined)
      throw invalidValue(redrive.target, 'RedrivePolicy', 'Dead letter target does not exist.')
  }
}
