/** What is to happen and when: the earliest first, of the same time the first that was put in. */
export interface Events {
  at(seconds: number, run: () => void): void
  /** Runs everything up to and including `until`; `now` is then there. */
  run(until: number): void
  readonly now: number
  /** Whether anything is left to happen. */
  readonly isEmpty: boolean
}

interface Entry {
  readonly time: number
  readonly order: number
  readonly run: () => void
}

export function createEvents(): Events {
  const heap: Entry[] = []
  let now = 0
  let order = 0
  const isBefore = (a: Entry, b: Entry) => a.time < b.time || (a.time === b.time && a.order < b.order)
  const swap = (a: number, b: number) => {
    ;[heap[a], heap[b]] = [heap[b]!, heap[a]!]
  }

  function push(entry: Entry): void {
    heap.push(entry)
    for (let at = heap.length - 1; at > 0; ) {
      const above = (at - 1) >> 1
      if (!isBefore(heap[at]!, heap[above]!)) return
      swap(at, above)
      at = above
    }
  }

  function pop(): Entry | undefined {
    const first = heap[0]
    const last = heap.pop()
    if (heap.length === 0 || last === undefined) return first
    heap[0] = last
    for (let at = 0; ; ) {
      const [left, right] = [2 * at + 1, 2 * at + 2]
      let least = at
      if (left < heap.length && isBefore(heap[left]!, heap[least]!)) least = left
      if (right < heap.length && isBefore(heap[right]!, heap[least]!)) least = right
      if (least === at) return first
      swap(at, least)
      at = least
    }
  }

  return {
    get now() {
      return now
    },
    get isEmpty() {
      return heap.length === 0
    },
    at(seconds, run) {
      // What should have happened already happens now: time does not go back.
      push({ time: Math.max(now, seconds), order: order++, run })
    },
    run(until) {
      while (heap.length > 0 && heap[0]!.time <= until) {
        const next = pop()!
        now = next.time
        next.run()
      }
      now = until
    },
  }
}
