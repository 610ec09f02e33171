import { createHash } from 'node:crypto'

/** What happened in one run, in order: for people, and only put into words when something went wrong. */
export interface LedgerEvent {
  readonly atMs: number
  readonly who: string
  readonly what: string
  readonly detail: string
  /** How it ended, if it was a call. */
  result: string
}

export class EventLedger {
  readonly events: LedgerEvent[] = []
  readonly #nowMs: () => number

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs
  }

  add(who: string, what: string, detail = ''): LedgerEvent {
    const event = { atMs: this.#nowMs(), who, what, detail, result: '' }
    this.events.push(event)
    return event
  }

  /** Of the times and names of all events, and how they ended. */
  digest(): string {
    const hash = createHash('md5')
    for (const { atMs, who, what, result } of this.events) hash.update(`${atMs} ${who} ${what} ${result}\n`)
    return hash.digest('hex').slice(0, 12)
  }

  /** One line an event, times in seconds. Reads that went well are left out unless `all`. */
  lines({ all = false } = {}): string[] {
    return this.events
      .filter(({ what, result }) => all || !(/^redis (get|write|ping)/.test(what) && result === 'ok'))
      .map(({ atMs, who, what, detail, result }) => {
        const time = (atMs / 1000).toFixed(3).padStart(10)
        return `${time}  ${who.padEnd(6)} ${what.padEnd(22)} ${detail}${result === '' ? '' : `  -> ${result}`}`
      })
  }
}

/** A message's body in few words: what it is of which job. */
export function shortBody(body: string): string {
  const fields = /^\s*\{/.test(body) ? (JSON.parse(body) as Record<string, unknown>) : {}
  if (typeof fields.parent === 'string')
    return `${fields.kind}${fields.index === undefined ? '' : `-${fields.index}`} of ${shortBody(fields.parent)}`
  if (fields.action === 'delete_r2') return `delete of video ${fields.video_id}`
  if (typeof fields.job_id === 'string') return `job ${fields.job_id.slice(0, 8)}`
  return body.slice(0, 40)
}
