import { hostname } from 'node:os'
import { workerKey } from '../shared/keys.ts'
import type { Logger } from '../shared/logger.ts'
import type { RedisPort } from '../shared/redis.ts'

/**
 * Warns when another living worker tells the fleet that it has this name (workerKey). Both work
 * on: claims are fenced by tokens, children and scratch are told apart by process. But a request to drain, and what
 * the API shows, then mean two. Redis away: nothing is said.
 */
export async function warnOfNamesake(
  redis: Pick<RedisPort, 'get'>,
  workerId: string,
  logger: Logger,
): Promise<void> {
  const value = await redis.get(workerKey(workerId)).catch(() => null)
  const other = value === null ? undefined : readReport(value)
  if (!other || (other.host === hostname() && !isAlive(other.pid))) return
  logger.warn(other, 'another worker has the same WORKER_ID: give each its own')
}

function readReport(value: string): { host: string; pid: number } | undefined {
  try {
    const { host, pid } = (JSON.parse(value) ?? {}) as Record<string, unknown>
    return typeof host === 'string' && typeof pid === 'number' ? { host, pid } : undefined
  } catch {
    return undefined
  }
}

/** A predecessor that was killed on this host had no time to say goodbye. */
function isAlive(pid: number): boolean {
  try {
    return pid !== process.pid && process.kill(pid, 0)
  } catch (error) {
    // EPERM: somebody else's, and alive.
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
