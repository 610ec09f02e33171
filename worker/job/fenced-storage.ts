import type { Storage } from '../../shared/storage.ts'

/**
 * The bucket of one attempt: every write asks first whether the lease still runs. A process that stood still (stopped,
 * swapped out, its machine frozen) goes on with what it had in hand before any timer can tell it that another worker
 * has the job: what it wrote then would lie among the other's files, or stay behind them.
 */
export function fencedStorage(storage: Storage, checkLease: () => void): Storage {
  return {
    head: (...look) => storage.head(...look),
    getRange: (...look) => storage.getRange(...look),
    getText: (...look) => storage.getText(...look),
    list: (...look) => storage.list(...look),
    close: () => storage.close(),
    async put(...write) {
      checkLease()
      return storage.put(...write)
    },
    async putFile(...write) {
      checkLease()
      return storage.putFile(...write)
    },
    async deleteKeys(...write) {
      checkLease()
      return storage.deleteKeys(...write)
    },
    async deletePrefix(...write) {
      checkLease()
      return storage.deletePrefix(...write)
    },
  }
}
