/**
 * Virtual time for one thread: the product's timers (shared/time.ts) and those of its libraries are made of the
 * globals that are replaced here, so nothing of the product knows. Between two timers everything that can run has run.
 */
import { AsyncLocalStorage } from 'node:async_hooks'

/** Who set a timer: what belongs to a dead process does not run any more. */
export interface Owner {
  readonly dead: boolean
}

/** The process whose code runs; inherited by everything that it starts, as a real process's is. */
export const scope = new AsyncLocalStorage<Owner | null>()

/** 2027-01-15: only its distance to other times means something. */
const epochMs = 1_800_000_000_000

const real = {
  ...{ setTimeout, clearTimeout, setInterval, clearInterval, setImmediate },
  dateNow: Date.now,
  performanceNow: performance.now.bind(performance),
  abortTimeout: AbortSignal.timeout,
  random: Math.random,
}

class Timer {
  readonly clock: Clock
  readonly run: () => void
  /** null: the world's own, which nobody's death ends. */
  readonly owner: Owner | null
  readonly ms: number
  readonly again: boolean
  atMs = 0
  /** Breaks ties: of two timers for the same moment the one that was set first. */
  order = 0
  cancelled = false

  constructor(clock: Clock, ms: number, run: () => void, owner: Owner | null, again: boolean) {
    this.clock = clock
    this.ms = Math.max(0, Number.isFinite(ms) ? ms : 0)
    this.run = run
    this.owner = owner
    this.again = again
  }

  /** As Node's: starts over. A copy takes the old entry's place in the heap. */
  refresh(): this {
    if (!this.cancelled) this.clock.arm(this)
    return this
  }
  unref(): this {
    return this
  }
  ref(): this {
    return this
  }
}

interface Entry {
  readonly timer: Timer
  readonly atMs: number
  readonly order: number
}

export class Clock {
  /** Milliseconds since this clock's start. */
  nowMs = 0
  #order = 0
  #heap: Entry[] = []

  /** Milliseconds since 1970 on this clock. */
  wallMs(): number {
    return epochMs + this.nowMs
  }

  after(ms: number, run: () => void, owner = scope.getStore() ?? null, again = false): Timer {
    const timer = new Timer(this, ms, run, owner, again)
    this.arm(timer)
    return timer
  }

  arm(timer: Timer): void {
    timer.atMs = this.nowMs + timer.ms
    timer.order = this.#order++
    push(this.#heap, { timer, atMs: timer.atMs, order: timer.order })
  }

  /** Runs timers until `stop` says so, none is left, or the next one lies behind `untilMs`. Resolves to whether it was stopped. */
  async run(untilMs: number, stop: () => boolean): Promise<boolean> {
    for (;;) {
      await everything()
      if (stop()) return true
      const entry = this.#heap[0]
      if (entry === undefined || entry.atMs > untilMs) return false
      pop(this.#heap)
      const { timer } = entry
      if (timer.cancelled || timer.order !== entry.order || timer.owner?.dead) continue
      this.nowMs = Math.max(this.nowMs, entry.atMs)
      if (timer.again) this.arm(timer)
      scope.run(timer.owner, timer.run)
    }
  }
}

/** Resolves when no promise and no nextTick has anything left to do. */
function everything(): Promise<void> {
  return new Promise((resolve) => real.setImmediate(resolve))
}

/** Puts a clock, and chance that can be repeated, beneath everything that runs in this thread; the returned function takes them away. */
export function install(clock: Clock, random: () => number): () => void {
  const set =
    (again: boolean) =>
    (run: (...args: unknown[]) => void, ms = 0, ...args: unknown[]) =>
      clock.after(again ? Math.max(1, ms) : ms, () => run(...args), scope.getStore() ?? null, again)
  const clear = (timer: unknown) => {
    if (timer instanceof Timer) timer.cancelled = true
  }
  Object.assign(globalThis, {
    ...{ setTimeout: set(false), setInterval: set(true), clearTimeout: clear, clearInterval: clear },
  })
  Math.random = random
  Date.now = () => clock.wallMs()
  performance.now = () => clock.nowMs
  AbortSignal.timeout = (ms) => {
    const controller = new AbortController()
    clock.after(ms, () => controller.abort(new DOMException('The operation timed out', 'TimeoutError')))
    return controller.signal
  }
  return () => {
    const { setTimeout, clearTimeout, setInterval, clearInterval } = real
    Object.assign(globalThis, { setTimeout, clearTimeout, setInterval, clearInterval })
    Math.random = real.random
    Date.now = real.dateNow
    performance.now = real.performanceNow
    AbortSignal.timeout = real.abortTimeout
  }
}

/** Milliseconds of the machine's own clock, whatever is installed. */
export const realMs = real.performanceNow

function earlier(a: Entry, b: Entry): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order)
}

function push(heap: Entry[], entry: Entry): void {
  let at = heap.push(entry) - 1
  while (at > 0) {
    const above = (at - 1) >> 1
    if (!earlier(entry, heap[above]!)) break
    heap[at] = heap[above]!
    at = above
  }
  heap[at] = entry
}

function pop(heap: Entry[]): void {
  const last = heap.pop()!
  if (heap.length === 0) return
  let at = 0
  for (;;) {
    let child = 2 * at + 1
    if (child >= heap.length) break
    if (child + 1 < heap.length && earlier(heap[child + 1]!, heap[child]!)) child += 1
    if (!earlier(heap[child]!, last)) break
    heap[at] = heap[child]!
    at = child
  }
  heap[at] = last
}
