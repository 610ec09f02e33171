import { randomUUID } from 'node:crypto'
import { WorkerError } from '../errors.ts'
import { reconcileKey } from '../keys.ts'
import type { CountingWorld } from './world.ts'

/** The right to repair. */
export interface Lock {
  /** Extends it; throws reconcile_busy when it is somebody else's by now. */
  keep(): Promise<void>
}

/**
 * Runs under the one lock of all reconcilers: a key with a token and a time to live, so that one that dies keeps nobody
 * out for long. Throws reconcile_busy when another has it. The lock keeps two from doing the same work; that nothing is
 * done twice is seen to by each repair.
 */
export async function underLock<T>(world: CountingWorld, run: (lock: Lock) => Promise<T>): Promise<T> {
  const token = randomUUID()
  const key = reconcileKey('lock')
  const keep = async () => {
    const held = await world.redis.run('reconcile-lock', [key], [token, world.limits.lockSeconds * 1000])
    if (held !== 1) throw new WorkerError('reconcile_busy', 'another reconciler is at work: try again later')
  }
  await keep()
  try {
    return await run({ keep })
  } finally {
    // Nobody answers: it ends by itself.
    await world.redis.run('reconcile-unlock', [key], [token]).catch(() => {})
  }
}
