/** What the stages of a shared video cost, read from the logs of the workers that had it. */
import { sum } from './figures.ts'
import type { StageTimes } from './simulate.ts'
import type { TimedJob, WorkerLine } from './timed.ts'

interface PartRun {
  readonly name: string
  readonly worker: string
  /** Milliseconds since 1970: its message was received, its end was settled. */
  readonly startMs: number
  readonly endMs: number
  /** Wall seconds of its ffmpeg. */
  readonly encode: number
}

/** seconds: of the video, which every chunk but the last and the one audio track share alike. */
export function stageTimes(job: TimedJob, seconds: number): StageTimes {
  const parts = partRuns(job.lines)
  const chunks = parts.filter(({ name }) => name.startsWith('chunk-'))
  const audio = parts.filter(({ name }) => name.startsWith('audio-'))
  if (chunks.length === 0 || audio.length !== 1) throw new Error('the log has no parts of a shared video')
  const encode = (of: readonly PartRun[]) => sum(of.map((part) => part.encode))
  const sentMs = Date.parse(find(job.lines, 'parts sent to the fleet').time)
  return {
    parts: parts.length,
    plan: (sentMs - job.sentMs) / 1000,
    part: (busySeconds(parts) - encode(parts)) / parts.length,
    chunkRate: encode(chunks) / seconds,
    audioRate: encode(audio) / seconds,
    join: (job.sentMs - Math.max(...parts.map((part) => part.endMs))) / 1000 + job.toCallback,
  }
}

/** From each worker's first part to its last, what lies between two parts included. */
function busySeconds(parts: readonly PartRun[]): number {
  const workers = [...new Set(parts.map((part) => part.worker))]
  const spans = workers.map((worker) => {
    const own = parts.filter((part) => part.worker === worker)
    return Math.max(...own.map((part) => part.endMs)) - Math.min(...own.map((part) => part.startMs))
  })
  return sum(spans) / 1000
}

function partRuns(lines: readonly WorkerLine[]): PartRun[] {
  const names = [...new Set(lines.map((line) => line.part).filter((part) => part !== undefined))]
  return names.map((name) => {
    const own = lines.filter((line) => line.part === name)
    const end = find(own, 'job settled')
    const starts = find(own, 'tool starts')
    const ends = find(own, 'tool ended')
    const endMs = Date.parse(end.time)
    return {
      ...{ name: String(name), worker: end.worker, endMs },
      startMs: endMs - Number(end.seconds) * 1000,
      encode: (Date.parse(ends.time) - Date.parse(starts.time)) / 1000,
    }
  })
}

function find(lines: readonly WorkerLine[], msg: string): WorkerLine {
  const found = lines.find((line) => line.msg === msg)
  if (!found) throw new Error(`no line "${msg}" in the log of the job`)
  return found
}
