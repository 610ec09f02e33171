import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/**
 * Bytes that go through the process between two collections. V8 lets 64 MiB of dead buffers gather before it looks
 * at them by itself. A full collection of this process takes about 20 ms (measured), a 16 MiB read several seconds
 * of encoding.
 */
const everyBytes = 16 * 2 ** 20

/** Counts bytes of sources and results, and has dead buffers collected every 16 MiB. */
export function createScavenger(): (bytes: number) => void {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as (options: { type: 'major' }) => void
  let moved = 0
  return (bytes) => {
    moved += bytes
    if (moved < everyBytes) return
    moved = 0
    collect({ type: 'major' })
  }
}
