import { hostname } from 'node:os'
import { workerKey } from '../shared/keys.ts'
import type { RedisPort } from '../shared/redis.ts'
import { every, now } from '../shared/time.ts'
import { reportEverySeconds, reportTtlSeconds, type WorkerReport } from '../shared/worker-report.ts'

export interface RegistryInput {
  readonly redis: RedisPort
  readonly version: string
  /** The worker's own snapshot: worker.ts. */
  status(): Omit<WorkerReport, 'version' | 'host' | 'pid' | 'startedAt' | 'reportedAt'>
}

/**
 * Tells operators that this worker lives and what it does, for as long as Redis hears it. Nothing decides by it: a
 * worker that is not heard works on.
 */
export function startRegistry({ redis, version, status }: RegistryInput): { close(): Promise<void> } {
  const startedAt = new Date(now()).toISOString()
  const { workerId } = status()
  const stopped = new AbortController()

  function report(): Promise<void> {
    const reportedAt = new Date(now()).toISOString()
    const value: WorkerReport = {
      ...status(),
      ...{ version, host: hostname(), pid: process.pid, startedAt, reportedAt },
    }
    return redis.set(workerKey(workerId), JSON.stringify(value), reportTtlSeconds).catch(() => {})
  }
  let last = report()
  const write = () => {
    last = report()
    return last
  }
  every(reportEverySeconds * 1000, write, { signal: stopped.signal })

  return {
    async close() {
      stopped.abort()
      // One that is on its way must not come after the goodbye.
      await last
      await redis.delete(workerKey(workerId)).catch(() => {})
    },
  }
}
