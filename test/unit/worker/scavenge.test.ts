import { expect, test } from '@jest/globals'
import { createScavenger } from '../../../worker/scavenge.ts'

/** A weak reference keeps its target until the end of the task that made or read it. */
const nextTask = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('a dead buffer is collected once enough bytes have gone through', async () => {
  const moved = createScavenger()
  const buffers = Array.from({ length: 64 }, () => new WeakRef(Buffer.allocUnsafeSlow(256 * 1024)))
  await nextTask()
  for (let i = 0; i < 64; i++) moved(256 * 1024)
  await nextTask()
  expect(buffers.filter((buffer) => buffer.deref() !== undefined)).toEqual([])
})
