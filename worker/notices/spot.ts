import { WorkerError } from '../../shared/errors.ts'
import type { Logger } from '../../shared/logger.ts'
import type { Metadata } from '../../shared/metadata.ts'
import { now } from '../../shared/time.ts'
import type { NoticeBoard } from './board.ts'

/** EC2 gives this long from the notice to the reclaim. A longer one is a clock that differs. */
const noticeSeconds = 120

/** What is not done this long before the reclaim may not be done at all. */
const marginSeconds = 20

/** However late the notice was seen: killing an encoder and one answer of SQS take this long. */
const leastSeconds = 10

export interface Spot {
  /** Asks for a notice, and for a rebalance recommendation. Throws metadata_unavailable. */
  look(signal: AbortSignal): Promise<void>
  /** EC2 recommends to leave the instance: a notice may follow at any time, or never. */
  readonly rebalance: boolean
}

export interface SpotInput {
  readonly metadata: Metadata
  readonly board: NoticeBoard
  readonly logger: Logger
  /** DRAIN_SECONDS: no notice gives more. */
  readonly drainSeconds: number
}

/** Reads what EC2 says about the life of this instance. 404 is the normal answer to both questions. */
export function createSpot({ metadata, board, logger, drainSeconds }: SpotInput): Spot {
  let seen = false
  let rebalance = false
  return {
    get rebalance() {
      return rebalance
    },
    async look(signal) {
      if (!seen) {
        const text = await metadata.get('spot/instance-action', signal)
        if (text !== undefined) {
          const { action, leftSeconds, time } = readAction(text)
          seen = true
          const seconds = Math.min(drainSeconds, Math.max(leastSeconds, leftSeconds - marginSeconds))
          board.raise({ source: 'spot', reason: `Spot: ${action} at ${time}`, seconds })
        }
      }
      if (!rebalance && (await metadata.get('events/recommendations/rebalance', signal)) !== undefined) {
        rebalance = true
        logger.warn('rebalance recommendation: long jobs go to other instances')
      }
    },
  }
}

/** `{"action": "terminate", "time": "2026-02-03T08:22:00Z"}`; without a time that can be read it may be any moment. */
function readAction(text: string): { action: string; time: string; leftSeconds: number } {
  try {
    const { action, time } = JSON.parse(text) as Record<string, unknown>
    const left = (Date.parse(String(time)) - now()) / 1000
    const leftSeconds = Number.isNaN(left) ? 0 : Math.min(noticeSeconds, left)
    return { action: String(action), time: String(time), leftSeconds }
  } catch (error) {
    // Not the notice of EC2: a captive page, a broken proxy. Draining on it would end a fleet.
    const cause = { cause: error }
    throw new WorkerError(
      'metadata_unavailable',
      `spot/instance-action is no JSON: ${text.slice(0, 100)}`,
      cause,
    )
  }
}
