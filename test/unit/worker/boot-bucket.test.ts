import { expect, test } from '@jest/globals'
import type { Storage } from '../../../shared/storage.ts'
import { checkBucket } from '../../../worker/boot.ts'

const { signal } = new AbortController()

/** A bucket in memory whose calls take turns, as those of two workers would. */
function memory(): { storage: Storage; objects: Map<string, string> } {
  const objects = new Map<string, string>()
  const turn = () => new Promise((resolve) => setTimeout(resolve, 1))
  const storage = {
    async put(key: string, text: string) {
      await turn()
      objects.set(key, text)
    },
    async getText(key: string) {
      await turn()
      return objects.get(key)
    },
    async deleteKeys(keys: string[]) {
      await turn()
      for (const key of keys) objects.delete(key)
    },
  }
  return { storage: storage as unknown as Storage, objects }
}

test('two workers of one name that start together do not take each other’s test object away', async () => {
  const { storage, objects } = memory()
  const late = new Promise((resolve) => setTimeout(resolve, 1)).then(() =>
    checkBucket(storage, 'twin', signal),
  )
  const later = new Promise((resolve) => setTimeout(resolve, 3)).then(() =>
    checkBucket(storage, 'twin', signal),
  )
  await Promise.all([checkBucket(storage, 'twin', signal), late, later])
  expect([...objects.keys()]).toEqual([])
})
