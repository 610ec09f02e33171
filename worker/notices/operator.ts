import { readDrainRequest } from '../../shared/drain-request.ts'
import { drainAllRequest, drainRequest } from '../../shared/keys.ts'
import type { RedisPort } from '../../shared/redis.ts'
import type { NoticeBoard } from './board.ts'

export interface OperatorInput {
  readonly redis: Pick<RedisPort, 'get'>
  readonly board: NoticeBoard
  readonly workerId: string
  readonly drainSeconds: number
  /** Milliseconds since 1970. */
  readonly startedAtMs: number
}

/**
 * The look at the two keys by which an operator drains one worker or all. A request that stood there when the worker
 * started was meant for its predecessor: without this a host that restarts workers would never have one again. Any
 * later one counts, whatever the clock of who wrote it says.
 */
export function createOperatorLook(input: OperatorInput): (signal: AbortSignal) => Promise<void> {
  const { redis, board, workerId, drainSeconds, startedAtMs } = input
  const predecessors = new Map<string, string>()
  let first = true
  let heard = false

  return async () => {
    if (heard) return
    for (const key of [drainRequest(workerId), drainAllRequest]) {
      const value = await redis.get(key)
      const request = value === null ? undefined : readDrainRequest(value)
      if (value === null || request === undefined || predecessors.get(key) === value) continue
      if (first && Date.parse(request.requested_at) <= startedAtMs) {
        predecessors.set(key, value)
        continue
      }
      heard = true
      const who = key === drainAllRequest ? 'all workers' : 'this worker'
      const reason = `an operator drains ${who} (${request.by})`
      board.raise({ source: 'operator', reason, seconds: drainSeconds })
    }
    first = false
  }
}
