/**
 * What SQS documents of fair queues, for the standard queues of fauxqs (which drops their MessageGroupId): "How Amazon
 * SQS fair queues work" in the developer guide, sqs-fair-queues-detailed.html, read in November 2026. A group that
 * takes too much of the consumers is noisy; messages of quiet groups come before its own, which are neither dropped nor
 * held back when nobody else waits. SQS calls its thresholds approximate: here they are exact.
 */
import { monotonicMs } from '../../shared/time.ts'

/** Of all messages in flight, and of the consumers' time: more than this is noisy. */
const noisyShare = 0.1
/** The share of messages in flight counts for a group with at least so many of them. */
const noisyInFlight = 30
/** A group that has sent nothing for so long is quiet again. */
const quietAfterMs = 5 * 60_000
/** "Recent" processing time; its length is not documented. */
const recentMs = 5 * 60_000

/** A message as far as this goes. One without a group is a tenant of its own, and so never a noisy one. */
export interface Grouped {
  readonly messageGroupId?: string | undefined
}

/** One message in a consumer's hands, from its receive to its delete, its return or the end of its lease. */
interface Span {
  readonly group: string | undefined
  readonly fromMs: number
  toMs: number
}

/** Decides which message of one queue is next. Knows only what is told: sent, received, let go. */
export class FairOrder {
  readonly #clock: () => number
  readonly #held = new Map<string, Span>()
  #spans: Span[] = []
  readonly #sentMs = new Map<string, number>()
  /** When a group's backlog was last drained: it is quiet then, and what it used before is forgotten. */
  readonly #drainedMs = new Map<string, number>()

  /** `clock`: milliseconds that only grow. */
  constructor(clock: () => number = monotonicMs) {
    this.#clock = clock
  }

  sent({ messageGroupId: group }: Grouped): void {
    if (group !== undefined) this.#sentMs.set(group, this.#clock())
  }

  received(receiptHandle: string, { messageGroupId: group }: Grouped): void {
    const span = { group, fromMs: this.#clock(), toMs: Number.POSITIVE_INFINITY }
    this.#held.set(receiptHandle, span)
    this.#spans.push(span)
  }

  letGo(receiptHandle: string): void {
    const span = this.#held.get(receiptHandle)
    if (span) span.toMs = this.#clock()
    this.#held.delete(receiptHandle)
  }

  /** The group's last waiting message is being received. */
  drained({ messageGroupId: group }: Grouped): void {
    if (group !== undefined) this.#drainedMs.set(group, this.#clock())
  }

  /** Index of the message to deliver next: the first of a quiet group, else of the noisy group with fewest in flight. */
  next(waiting: readonly Grouped[]): number {
    const now = this.#clock()
    this.#spans = this.#spans.filter((span) => span.toMs > now - recentMs)
    const inFlight = this.#inFlight()
    let best = 0
    let fewest = Number.POSITIVE_INFINITY
    const seen = new Set<string>()
    for (const [index, { messageGroupId: group }] of waiting.entries()) {
      if (group === undefined) return index
      if (seen.has(group)) continue
      seen.add(group)
      if (!this.#isNoisy(group, now, inFlight)) return index
      const count = inFlight.get(group) ?? 0
      if (count < fewest) [best, fewest] = [index, count]
    }
    return best
  }

  #isNoisy(group: string, now: number, inFlight: ReadonlyMap<string | undefined, number>): boolean {
    if (now - (this.#sentMs.get(group) ?? now) >= quietAfterMs) return false
    const own = inFlight.get(group) ?? 0
    if (own >= noisyInFlight && own > noisyShare * this.#held.size) return true
    const sinceMs = this.#drainedMs.get(group) ?? 0
    const spent = this.#spentMs((span) => span.group === group, now, sinceMs)
    return spent > noisyShare * this.#spentMs(() => true, now, 0)
  }

  #spentMs(counts: (span: Span) => boolean, now: number, sinceMs: number): number {
    const startMs = Math.max(sinceMs, now - recentMs)
    return this.#spans
      .filter(counts)
      .reduce(
        (sum, { fromMs, toMs }) => sum + Math.max(0, Math.min(toMs, now) - Math.max(fromMs, startMs)),
        0,
      )
  }

  #inFlight(): Map<string | undefined, number> {
    const counts = new Map<string | undefined, number>()
    for (const { group } of this.#held.values()) counts.set(group, (counts.get(group) ?? 0) + 1)
    return counts
  }
}
