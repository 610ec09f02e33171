import { monotonicMs, sleep } from '../time.ts'
import { fewestLooks, findCounters } from './counters.ts'
import { takeLook, windowSeconds } from './look.ts'
import { readRecords } from './records.ts'
import type { CountingWorld } from './world.ts'

/** Our clock is compared with that of Redis. */
const clocksMs = 50

/**
 * Looks at the queue and the counters until what stands may be believed: for an operator where no publisher looks once
 * a minute (four minutes with the limits as they are). findings says more after it. Throws what cannot be learned.
 */
export async function watch(world: CountingWorld, { signal }: { signal: AbortSignal }): Promise<void> {
  const { limits } = world
  const seconds = windowSeconds(limits)
  let end: number | undefined
  for (let looks = 1; ; looks++) {
    const look = await takeLook(world, signal)
    const records = await readRecords(world.redis, limits.records, signal)
    if (records.whole) await findCounters(world, records, look, signal)
    // Of two looks the time between counts, and the first may have come late.
    end ??= monotonicMs() + seconds * 1000 + clocksMs
    const leftMs = end - monotonicMs()
    if (leftMs <= 0 && looks >= fewestLooks) return
    await sleep(Math.max(0, Math.min(leftMs, (seconds * 1000) / 6, (limits.lookGapSeconds * 1000) / 2)), {
      signal,
    })
  }
}
