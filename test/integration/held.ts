import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

export interface Held {
  /** Looks at what is held just now; call it by bytes moved, so that a slow machine looks as often as a fast one. */
  sample(): void
  /** Bytes of heap and buffers that were held beyond those of the start, at the worst sample. */
  most(): number
  samples(): number
}

/**
 * Measures what this process holds, from now on: what is dead but not collected yet says more of the machine than of
 * the code, and the resident size counts that too.
 */
export function watchHeld(): Held {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as (options: { type: 'major' }) => void
  const held = (): number => {
    // Twice: the first frees what the second can only then see as free.
    collect({ type: 'major' })
    collect({ type: 'major' })
    const { heapUsed, arrayBuffers } = process.memoryUsage()
    return heapUsed + arrayBuffers
  }
  const start = held()
  let most = 0
  let samples = 0
  return {
    sample() {
      most = Math.max(most, held() - start)
      samples++
    },
    most: () => most,
    samples: () => samples,
  }
}
