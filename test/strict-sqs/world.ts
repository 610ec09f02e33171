import type { Dice } from './chance.ts'
import type { StrictQueue } from './queue.ts'

/** What the queues of one model have in common. */
export interface QueueWorld {
  readonly clock: () => number
  readonly dice: Dice
  readonly countLagMs: () => number
  /** A copy turns up within so long. */
  readonly copyMs: number
  readonly mostInFlight: number
  find(name: string): StrictQueue | undefined
}
