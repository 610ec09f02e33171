import { sleep } from '../../shared/time.ts'
import { type Desk, queueOf, readReceive, writeDelivery } from './actions.ts'
import type { StrictQueue } from './queue.ts'
import type { Call } from './wire.ts'

/** The long polls that are open: each tries again when something was done, and when time alone does something. */
export class Polls {
  readonly #clock: () => number
  readonly #waiting = new Set<() => void>()

  constructor(clock: () => number) {
    this.#clock = clock
  }

  /** How many wait. */
  get open(): number {
    return this.#waiting.size
  }

  /** Something was sent, changed or deleted, or the clock was set. */
  wake(): void {
    for (const wake of [...this.#waiting]) wake()
  }

  /** `gone` ends the waiting: nothing is received for a client that is known to have left. */
  async receive(desk: Desk, input: Call['input'], gone: AbortSignal): Promise<object> {
    const queue = queueOf(desk, input)
    const { waitSeconds, options } = readReceive(queue, input)
    const endMs = this.#clock() + waitSeconds * 1000
    while (!gone.aborted) {
      const found = queue.receive(options)
      if (found.length > 0) return { Messages: found.map((delivery) => writeDelivery(delivery, desk, input)) }
      if (this.#clock() >= endMs) break
      await this.#change(queue, endMs, gone)
    }
    return {}
  }

  async #change(queue: StrictQueue, endMs: number, gone: AbortSignal): Promise<void> {
    const woken = new AbortController()
    const wake = () => woken.abort()
    this.#waiting.add(wake)
    gone.addEventListener('abort', wake, { once: true })
    const nextMs = Math.min(endMs, queue.nextChangeMs())
    await sleep(Math.max(1, nextMs - this.#clock()), { signal: woken.signal }).catch(() => {})
    gone.removeEventListener('abort', wake)
    this.#waiting.delete(wake)
  }
}
