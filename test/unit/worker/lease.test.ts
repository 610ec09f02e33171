import { describe, expect, test } from '@jest/globals'
import type { WorkerError } from '../../../shared/errors.ts'
import type { JobRecords } from '../../../shared/jobs.ts'
import { createLogger } from '../../../shared/logger.ts'
import type { Queue } from '../../../shared/queue.ts'
import type { Storage } from '../../../shared/storage.ts'
import { monotonicMs, sleep } from '../../../shared/time.ts'
import { fencedStorage } from '../../../worker/job/fenced-storage.ts'
import { type Lease, startLease } from '../../../worker/lease.ts'

const { signal } = new AbortController()

/** A lease of `visibilitySeconds`, beaten every 0.1 s, over a queue and a Redis that agree to everything. */
function start(visibilitySeconds: number): { lease: Lease; beats: number[]; ends: WorkerError[] } {
  const beats: number[] = []
  const ends: WorkerError[] = []
  const lease = startLease({
    queue: { extend: async () => void beats.push(monotonicMs()) } as unknown as Queue,
    records: { renew: async () => 'renewed' } as unknown as JobRecords,
    job: { jobId: 'j' },
    ...{ receiptHandle: 'r', body: '', messageId: 'm', owner: 'o', token: 1, receivedMs: monotonicMs() },
    config: { visibilitySeconds, beatSeconds: 0.1, minSlackSeconds: 0, maxSeconds: 3600 },
    jobSignal: signal,
    onEnd: (error) => ends.push(error),
    logger: createLogger({ level: 'silent', pretty: false }, {}),
  })
  return { lease, beats, ends }
}

/** Nothing of this process runs for so long. */
function standStill(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}

describe('a process that stood still for longer than its lease', () => {
  test('sends no beat any more, which might even be accepted', async () => {
    const { lease, beats, ends } = start(0.5)
    await sleep(20, { signal })
    standStill(700)
    const before = beats.length
    await sleep(300, { signal })
    expect(beats).toHaveLength(before)
    expect(ends.map(({ code }) => code)).toEqual(['lease_slack'])
    await lease.stop()
  })

  test('writes nothing, whatever comes before the next timer', async () => {
    const { lease, ends } = start(0.5)
    const written: string[] = []
    const storage = fencedStorage(
      { put: async (key: string) => void written.push(key) } as unknown as Storage,
      lease.check,
    )
    const options = { contentType: 'x', signal }
    await storage.put('before', '', options)
    standStill(700)
    await expect(storage.put('after', '', options)).rejects.toMatchObject({ code: 'lease_slack' })
    expect([written, ends.length]).toEqual([['before'], 1])
    await lease.stop()
  })
})

test('a process that stood still for less goes on', async () => {
  const { lease, beats, ends } = start(60)
  await sleep(20, { signal })
  standStill(500)
  const before = beats.length
  await sleep(250, { signal })
  expect(beats.length).toBeGreaterThan(before)
  expect(ends).toEqual([])
  lease.check()
  await lease.stop()
})
