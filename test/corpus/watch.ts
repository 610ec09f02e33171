/** What ffmpeg and ffprobe take and know, seen from outside through /proc; elsewhere nothing is seen. */
import { readdir, readFile } from 'node:fs/promises'
import { every } from '../../shared/time.ts'

/** A child lives for 100 ms at least; its peak is kept by the kernel, so the last look is nearly the whole truth. */
const lookMs = 40

export interface ToolWatch {
  /** Largest resident memory of one tool since the last call, in MB; 0 when none was seen. */
  takePeakMb(): number
  /** Tools whose environment held the text. */
  readonly told: string[]
  stop(): void
}

/** Watches the tools of one worker. secret: a text of the worker's environment that none of them may know. */
export function watchTools(workerId: string, secret: string): ToolWatch {
  let peakKb = 0
  const told: string[] = []
  const known = new Map<string, boolean>()
  const look = async () => {
    for (const pid of await readdir('/proc').catch(() => [])) {
      if (!/^\d+$/.test(pid)) continue
      const name = (await readFile(`/proc/${pid}/comm`, 'latin1').catch(() => '')).trim()
      if (name !== 'ffmpeg' && name !== 'ffprobe') continue
      if (!known.has(pid)) {
        const environ = await readFile(`/proc/${pid}/environ`, 'latin1').catch(() => '')
        known.set(pid, environ.split('\0').includes(`VIDEO_WORKER_CHILD=${workerId}`))
        if (environ.includes(secret)) told.push(`the environment of ${name} holds the worker’s`)
      }
      if (!known.get(pid)) continue
      const status = await readFile(`/proc/${pid}/status`, 'latin1').catch(() => '')
      peakKb = Math.max(peakKb, Number(/^VmHWM:\s*(\d+) kB/m.exec(status)?.[1] ?? 0))
    }
  }
  const looking = every(lookMs, look)
  return {
    told,
    takePeakMb() {
      const peak = peakKb / 1024
      peakKb = 0
      // Process ids are used again.
      known.clear()
      return peak
    },
    stop: () => looking.stop(),
  }
}
