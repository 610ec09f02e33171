import type { Limits } from './limits.ts'
import type { Look } from './look.ts'
import { isHeld, isOpen, type JobRow, type Records } from './records.ts'

/** One tenant's counter held against what is known of its jobs. */
export interface CounterVerdict {
  readonly key: string
  readonly value: number
  /** The true value lies between these: see judgeCounters. */
  readonly least: number
  readonly most: number
  /** By how much the counter is too high at least (above 0), or too low (below 0); 0 when it may be right. */
  readonly wrong: number
}

/**
 * What each counter can be. A job that a worker has had once has a record that says whether it waits: their number is
 * the least. A job that nobody has claimed yet has a message and no record, and whose it is the queue does not tell: so
 * the most is all messages but those that are being worked on, and on top the waiting jobs whose messages may be lost,
 * and those that owe (shared/lua/prelude.lua). With an empty queue both are the recount. Pure.
 */
export function judgeCounters(
  records: Records,
  counters: ReadonlyMap<string, number>,
  { counts }: Pick<Look, 'counts'>,
  limits: Limits,
): CounterVerdict[] {
  const known = new Map<string, { all: number; still: number; owing: number }>()
  let held = 0
  let unattributed = 0
  for (const row of records.rows) {
    if (isHeld(row, records.now)) held += 1
    const owing = owes(row, records.now)
    if (!row.waiting && !owing) continue
    if (row.counter === undefined) unattributed += 1
    if (!row.counter) continue
    const of = known.get(row.counter) ?? { all: 0, still: 0, owing: 0 }
    known.set(row.counter, of)
    if (owing) of.owing += 1
    if (!row.waiting) continue
    of.all += 1
    // Its message may be among those counted above, or lost: nothing has happened to it since they were counted.
    if (records.now - row.updated > limits.settleSeconds * 1000) of.still += 1
  }
  const messages = counts.waiting + counts.inFlight + counts.delayed
  const free = Math.max(0, messages - held)
  return [...new Set([...counters.keys(), ...known.keys()])].sort().map((key) => {
    const value = counters.get(key) ?? 0
    const { all, still, owing } = known.get(key) ?? { all: 0, still: 0, owing: 0 }
    const most = Math.max(all, free + still) + owing + unattributed
    const wrong = value > most ? value - most : value < all ? value - all : 0
    return { key, value, least: all, most, wrong }
  })
}

/** A job that was claimed before it was counted, and takes its count out at its next step: corrected by nobody else. */
function owes(row: JobRow, now: number): boolean {
  return row.owedUntil > now || (row.owedUntil > 0 && isOpen(row))
}

/**
 * By how much the queue's own counts and the backlog disagree: 0 when both can be right. Above 0: that many more wait
 * by the backlog than there are messages. Below: so many more messages are visible than the backlog knows. Pure.
 */
export function driftOf(backlog: number, counts: Look['counts']): number {
  const messages = counts.waiting + counts.inFlight + counts.delayed
  if (backlog > messages) return backlog - messages
  return backlog < counts.waiting ? backlog - counts.waiting : 0
}
