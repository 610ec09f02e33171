/**
 * Faults on request for the servers of the embedded stack (S3, SQS, the reference API): a test says which
 * requests shall fail, how, and how often. The first fault that matches a request is used up by it.
 */

import { sleep } from '../../shared/time.ts'

/** What a server knows of a request before it answers it. `key` is the object key, queue name or path. */
export interface FaultTarget {
  readonly method: string
  /** S3: `GetObject`; SQS: `ReceiveMessage`; API: `complete`. */
  readonly operation: string
  readonly key: string
}

export interface FaultMatch {
  readonly method?: string
  readonly operation?: string
  /** A string must be equal, an expression must match. */
  readonly key?: string | RegExp
}

export interface Fault {
  /** Answer with this status and the service's own error body. */
  readonly status?: number
  /** The error code in that body, when the default for the status is not wanted. */
  readonly code?: string
  /** Cut the connection. */
  readonly reset?: true
  /** Never answer; the connection stays open until the client or the server closes it. */
  readonly stall?: true
  /** Wait this long (ms), then go on (or fail, if one of the above is set too). */
  readonly delayMs?: number
  /** How many requests it hits; 1 unless told, `Infinity` for all until it is removed. */
  readonly times?: number
  /**
   * `before` (default): the request has no effect. `after`: it has its whole effect and only the answer is
   * lost or replaced, the case that makes a retry see its own first try.
   */
  readonly when?: 'before' | 'after'
  /** With `reset` or `stall`: so many bytes of the body pass first, of a GET's answer or of a PUT's request. */
  readonly afterBytes?: number
  /** S3, GET: the answer goes out as ever, but for the byte at this place of the object, if it is among those asked for. */
  readonly flip?: number
}

export interface FaultHandle {
  hits(): number
  /** Hits no request from now on; those that wait out its delay go on at once. */
  remove(): void
}

/** As a server gets it. */
export interface TakenFault extends Fault {
  /** Aborts when the fault is removed. */
  readonly removed: AbortSignal
}

export interface Faults {
  failNext(match: FaultMatch, fault: Fault): FaultHandle
  /** The fault for this request, if any; uses it up. */
  take(target: FaultTarget): TakenFault | undefined
  clear(): void
}

interface Entry {
  readonly match: FaultMatch
  readonly fault: Fault
  readonly removed: AbortController
  left: number
  hits: number
}

export function createFaults(): Faults {
  let entries: Entry[] = []
  return {
    failNext(match, fault) {
      const entry: Entry = { match, fault, removed: new AbortController(), left: fault.times ?? 1, hits: 0 }
      entries.push(entry)
      return {
        hits: () => entry.hits,
        remove: () => {
          entries = entries.filter((other) => other !== entry)
          entry.removed.abort()
        },
      }
    },
    take(target) {
      const entry = entries.find((candidate) => candidate.left > 0 && matches(candidate.match, target))
      if (!entry) return undefined
      entry.left -= 1
      entry.hits += 1
      return { ...entry.fault, removed: entry.removed.signal }
    },
    clear() {
      entries = []
    },
  }
}

/** A fault's delay, until it is removed; throws the reason of `signal` when that aborts. */
export async function waitOut(
  { delayMs = 0, removed }: TakenFault,
  signal = new AbortController().signal,
): Promise<void> {
  if (delayMs === 0) return
  await sleep(delayMs, { signal: AbortSignal.any([removed, signal]) }).catch(() => signal.throwIfAborted())
}

function matches(match: FaultMatch, target: FaultTarget): boolean {
  if (match.method !== undefined && match.method !== target.method) return false
  if (match.operation !== undefined && match.operation !== target.operation) return false
  if (match.key === undefined) return true
  return typeof match.key === 'string' ? match.key === target.key : match.key.test(target.key)
}
