/**
 * Loaded into a worker before its program (`node --import`): SIGUSR2 then does to it from within what the environment's
 * INJURY says, which no signal can do from outside.
 */
import { existsSync } from 'node:fs'

const injuries: Readonly<Record<string, (argument: string) => void>> = {
  /** The wall clock is set forward or, below 0, back, by so many seconds. The monotonic one stays. */
  clock(seconds) {
    const RealDate = Date
    const shift = Number(seconds) * 1000
    globalThis.Date = class extends RealDate {
      constructor(...given: unknown[]) {
        if (given.length === 0) super(RealDate.now() + shift)
        else super(...(given as [number]))
      }
      static override now() {
        return RealDate.now() + shift
      }
    } as DateConstructor
  },
  /** Nothing runs on the event loop until this file is there. */
  block(path) {
    const nobody = new Int32Array(new SharedArrayBuffer(4))
    while (!existsSync(path)) Atomics.wait(nobody, 0, 0, 50)
  },
  /** Fills the heap until V8 gives up. */
  heap() {
    const kept: object[] = []
    for (;;) kept.push(Array.from({ length: 1000 }, (_, index) => ({ index })))
  },
}

const [what = '', argument = ''] = (process.env.INJURY ?? '').split('=')
process.on('SIGUSR2', () => {
  process.stderr.write(`injured: ${what}\n`)
  injuries[what]?.(argument)
})
