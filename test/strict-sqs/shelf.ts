import { type Message, stateAt } from './message.ts'

export interface Counts {
  readonly waiting: number
  readonly inFlight: number
  readonly delayed: number
}

/** The messages of one queue, those that are in it and those that ever were, and what time alone does to them. */
export class Shelf {
  readonly #queue: string
  /** A consumer holds the message of this handle no longer. */
  readonly #onLetGo: (handle: string) => void
  readonly #live = new Set<Message>()
  /** Counts of the past are made from the history of these. */
  readonly #ever = new Set<Message>()
  /** Gone, and will be found once more. */
  readonly #back = new Set<Message>()

  constructor(queue: string, onLetGo: (handle: string) => void) {
    this.#queue = queue
    this.#onLetGo = onLetGo
  }

  put(message: Message): void {
    this.#back.delete(message)
    this.#live.add(message)
    this.#ever.add(message)
  }

  /** `copyAtMs`: when a copy of it turns up again; Infinity for never. */
  take(message: Message, copyAtMs = Number.POSITIVE_INFINITY): void {
    this.#live.delete(message)
    message.copyAtMs = copyAtMs
    if (copyAtMs < Number.POSITIVE_INFINITY) this.#back.add(message)
    if (message.handle !== undefined) this.#onLetGo(message.handle)
  }

  forgetCopies(): void {
    for (const message of [...this.#live, ...this.#back]) message.copyAtMs = Number.POSITIVE_INFINITY
    this.#back.clear()
  }

  live(): Message[] {
    return [...this.#live]
  }

  ever(): Message[] {
    return [...this.#ever]
  }

  /** What time alone has done until `atMs`: visibilities that ended, and what outlived `retentionMs`. */
  pass(atMs: number, retentionMs: number): void {
    for (const message of this.#live) {
      const { visibleAtMs, handle } = message
      const { what, atMs: sinceMs } = message.history.at(-1)!
      const endMs = message.sentMs + retentionMs
      const wasHeld = (what === 'received' || what === 'changed') && sinceMs < visibleAtMs
      if (wasHeld && handle !== undefined && visibleAtMs <= atMs && visibleAtMs < endMs) {
        message.record('lapsed', visibleAtMs, visibleAtMs, { handle })
        this.#onLetGo(handle)
      }
      if (endMs > atMs) continue
      message.record('expired', endMs, Number.POSITIVE_INFINITY)
      this.take(message)
    }
  }

  /** Found by a receive: visible, or with a copy that is. */
  receivable(atMs: number): Message[] {
    const found = (message: Message) => message.visibleAtMs <= atMs || message.copyAtMs <= atMs
    return [...this.#live, ...this.#back].filter(found)
  }

  /** When the next visibility, delay or retention ends, or a copy turns up; Infinity when none does. */
  nextChangeMs(atMs: number, retentionMs: number): number {
    const times = [...this.#live].flatMap((message) => [
      message.visibleAtMs,
      message.copyAtMs,
      message.sentMs + retentionMs,
    ])
    for (const message of this.#back) times.push(message.copyAtMs)
    return times.reduce((next, time) => (time > atMs && time < next ? time : next), Number.POSITIVE_INFINITY)
  }

  /** The past costs a look at every message that ever was. */
  countsAt(atMs: number, from: 'live' | 'ever'): Counts {
    const counts = { waiting: 0, inFlight: 0, delayed: 0 }
    for (const message of from === 'live' ? this.#live : this.#ever) {
      const state = stateAt(message, this.#queue, atMs)
      if (state !== undefined) counts[state] += 1
    }
    return counts
  }
}
