/** What a worker had done of a job when it was killed, and what of it was done again: read from the logs. */
import { median } from './figures.ts'
import type { WorkerLine } from './timed.ts'

/** One encode of one chunk. */
export interface ChunkEncode {
  readonly chunk: number
  /** Milliseconds since 1970. */
  readonly startMs: number
  /** Wall seconds of a whole one; undefined for one that was cut off. */
  readonly seconds: number | undefined
}

/** One worker on one job. */
export interface Life {
  readonly encodes: readonly ChunkEncode[]
  /** Milliseconds since 1970; undefined for the one that ended the job. */
  readonly killedMs: number | undefined
}

/** What a kill cost. */
export interface Lost {
  /** Encode that was done once more, in chunks: by the time that it had taken before the kill. */
  readonly parts: number
  /** Chunks that were begun, or even whole, and were begun again. */
  readonly begunAgain: number
}

/** lines: of one job in one worker's log. Throws when the log does not say which chunk is encoded. */
export function readLife(lines: readonly WorkerLine[], killedMs: number | undefined): Life {
  const encodes: ChunkEncode[] = []
  for (const line of lines) {
    if (line.what !== 'video') continue
    if (line.msg === 'tool starts') {
      const chunk = /\/chunk-(\d+)\//.exec(String(line.command))?.[1]
      if (chunk === undefined) throw new Error(`which chunk is it? ${line.command}`)
      encodes.push({ chunk: Number(chunk), startMs: Date.parse(line.time), seconds: undefined })
    } else if (line.msg === 'tool ended') {
      const open = encodes.pop()!
      encodes.push({ ...open, seconds: (Date.parse(line.time) - open.startMs) / 1000 })
    }
  }
  return { encodes, killedMs }
}

/** Wall seconds of each chunk that was encoded whole. */
export function wholeSeconds(lives: readonly Life[]): number[] {
  return lives.flatMap((life) => life.encodes.flatMap(({ seconds }) => seconds ?? []))
}

/** Of each life of one job, in order: what a later one did once more. */
export function lostPerKill(lives: readonly Life[]): Lost[] {
  const whole = median(wholeSeconds(lives))
  return lives.map(({ encodes, killedMs }, index) => {
    const later = new Set(lives.slice(index + 1).flatMap((life) => life.encodes.map(({ chunk }) => chunk)))
    const again = encodes.filter(({ chunk }) => later.has(chunk))
    const parts = again.map(({ startMs, seconds }) => {
      if (seconds !== undefined || killedMs === undefined) return 1
      return Math.min(1, (killedMs - startMs) / 1000 / whole)
    })
    return { parts: parts.reduce((total, part) => total + part, 0), begunAgain: again.length }
  })
}
