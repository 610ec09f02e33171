/** How far a job is, read from where the product's own progress bar reads it: the progress key in Redis. */
import type { Redis } from 'ioredis'
import { progressKey } from '../../shared/keys.ts'
import type { Row } from './screen.ts'

export interface Watched {
  name: string
  tenantId: number
  videoId: number
  /** Length of the source, to tell the speed; undefined when nobody knows. */
  seconds: number | undefined
}

export interface Watcher {
  /** The row of a video as it is now. Never throws: a progress bar is no reason to fail. */
  look(video: Watched): Promise<Row>
}

/** The speed is that of the last seconds, not of the whole run. */
const speedWindowMs = 8_000

export function createWatcher(redis: Redis): Watcher {
  const meters = new Map<number, ReturnType<typeof createSpeedMeter>>()
  return {
    async look(video) {
      // Redis goes first when the stack stops.
      const text = await redis.get(progressKey(video.tenantId, video.videoId)).catch(() => null)
      if (text === null) return waiting(video.name)
      const value = JSON.parse(text)
      const meter = meters.get(video.videoId) ?? createSpeedMeter()
      meters.set(video.videoId, meter)
      const encoding = value.step === 'transcoding' && video.seconds !== undefined
      const done = encoding ? ((video.seconds ?? 0) * value.step_percent) / 100 : undefined
      return {
        name: video.name,
        stage: value.step_name_display,
        percent: value.percent,
        speed: done === undefined ? undefined : meter(done, performance.now()),
        secondsLeft: plausible(value.remaining_seconds),
        ended: undefined,
      }
    },
  }
}

/** In its first second an encoder has done next to nothing, and promises to need weeks. */
function plausible(seconds: number | null): number | undefined {
  return seconds === null || seconds > 100 * 3600 ? undefined : seconds
}

function waiting(name: string): Row {
  return {
    name,
    stage: 'In the queue',
    percent: undefined,
    speed: undefined,
    secondsLeft: undefined,
    ended: undefined,
  }
}

/** Seconds of video a second over the window, or undefined until there is something to compare. */
export function createSpeedMeter(): (doneSeconds: number, nowMs: number) => number | undefined {
  const points: { doneSeconds: number; atMs: number }[] = []
  return (doneSeconds, nowMs) => {
    // Only changes are points: the key is written twice a second in whole percents and read more often.
    if (points.at(-1)?.doneSeconds !== doneSeconds) points.push({ doneSeconds, atMs: nowMs })
    while (points.length > 2 && nowMs - points[0]!.atMs > speedWindowMs) points.shift()
    const [first, last] = [points[0]!, points.at(-1)!]
    if (last.atMs <= first.atMs || last.doneSeconds <= first.doneSeconds) return undefined
    return (last.doneSeconds - first.doneSeconds) / ((last.atMs - first.atMs) / 1000)
  }
}
