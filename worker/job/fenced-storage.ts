import type { Storage } from '../../shared/storage.ts'

/**
 * The bucket of one attempt: every write asks first whether the lease still runs. A process that stood still (stopped,
 * swapped out, its machine frozen) goes on with what it had in hand before any timer can tell it that another worker
 * has the job: what it wrote then would be lost between the other's files, or stay behind them.
 */
export function fencedStorage(storage: Storage, checkLease: () => void): Storage {
  const fenced =
    <Arguments extends unknown[], Result>(write: (...rest: Arguments) => Promise<Result>) =>
    async (...rest: Arguments) => {
      checkLease()
      return write(...rest)
    }
  return {
    ...storage,
    put: fenced(storage.put),
    putFile: fenced(storage.putFile),
    deleteKeys: fenced(storage.deleteKeys),
    deletePrefix: fenced(storage.deletePrefix),
  }
}
