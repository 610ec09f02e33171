import { describe, expect, jest, test } from '@jest/globals'
import { type ErrorCode, WorkerError } from '../../../shared/errors.ts'
import type { JobRecords } from '../../../shared/jobs.ts'
import { createLogger } from '../../../shared/logger.ts'
import type { Queue } from '../../../shared/queue.ts'
import type { Ending } from '../../../worker/job/work.ts'
import type { Lease } from '../../../worker/lease.ts'
import type { Outcome } from '../../../worker/outcome.ts'
import { settle } from '../../../worker/settle.ts'

const config = { maxAttempts: 5, maxCrashes: 3, backoffBaseSeconds: 30, backoffCapSeconds: 900 }

interface World {
  readonly lease?: Partial<Lease>
  readonly failures?: number
  readonly receiveCount?: number
  readonly sentMs?: number
  readonly signal?: AbortSignal
  complete?(): Promise<'accepted' | 'gone'>
  fail?(): Promise<'accepted' | 'gone'>
  sweep?(): Promise<void>
  payDebt?(): boolean
  release?(): number
  remove?(): Promise<void>
}

/** Settles an outcome; resolves to what it did to the world, in order, and to how it ended. */
async function deeds(
  outcome: Outcome<string>,
  world: World = {},
  done: string[] = [],
): Promise<{ done: string[]; ended: string }> {
  const say = (what: string) => async () => void done.push(what)
  const ended = await settle(outcome, {
    queue: {
      extend: async (_: string, seconds: number) => void done.push(`visible in ${seconds}`),
      delete: world.remove ?? say('deleted'),
      send: async (_: string, { delaySeconds, groupId }: { delaySeconds: number; groupId: string }) =>
        void done.push(`sent in ${delaySeconds} of ${groupId}`),
      park: async (_: unknown, reason: string) => void done.push(`parked: ${reason}`),
    } as unknown as Queue,
    records: {
      release: async (_: unknown, __: number, count: string) =>
        world.release?.() ?? done.push(`waiting, ${count}`),
      finish: async (_: unknown, __: number, { state }: { state: string }) => {
        done.push(`record ${state}`)
        return world.payDebt ? 'owing' : 'ended'
      },
      payDebt: async () => done.push('looked for its count') && world.payDebt!(),
      fanOut: async (_: unknown, token: number) => done.push(`left to its parts by ${token}`) && 'ended',
    } as unknown as JobRecords,
    config,
    logger: createLogger({ level: 'silent', pretty: false }, {}),
    delivery: {
      body: '{}',
      messageId: 'm',
      receiptHandle: 'r',
      receiveCount: world.receiveCount ?? 1,
      sentMs: world.sentMs ?? 0,
      groupId: 'g',
      receivedMs: 0,
    },
    lease: {
      ...{ token: () => 1, claimNow: async () => 1, leaveRecord() {}, isRecordLeft: () => false },
      ...{ check() {}, stop: async () => {} },
      ...world.lease,
    } as Lease,
    attempts: { failures: world.failures ?? 0, crashes: 0, releases: 0 },
    ending: {
      identity: { jobId: 'j' },
      complete: world.complete ?? (async () => done.push('told complete') && 'accepted'),
      fail: world.fail ?? (async ({ code }: WorkerError) => done.push(`told fail ${code}`) && 'accepted'),
      removeOutput: say('output removed'),
      tidy: say('tidied'),
      sweep: world.sweep ?? (async (state: string) => void done.push(`swept as ${state}`)),
      status: () => ({}),
    } as unknown as Ending<string>,
    signal: world.signal ?? new AbortController().signal,
    pollsEnded: say('polls ended'),
  })
  return { done, ended }
}
const failed = (last: boolean): Outcome<string> => ({
  ...{ type: 'failed', count: 'failures', last },
  error: new WorkerError('encode_failed', 'x'),
})
const released = (code: ErrorCode): Outcome<string> => ({
  type: 'released',
  error: new WorkerError(code, 'x'),
})

describe('a message', () => {
  test('is deleted after the API has accepted the result and the record has ended, and last', async () => {
    const { done } = await deeds({ type: 'done', result: 'r' })
    expect(done).toEqual(['told complete', 'record done', 'tidied', 'deleted'])
  })

  test('of a job that is not counted yet waits for its count, whatever Redis answers meanwhile', async () => {
    let looks = 0
    const payDebt = () => {
      if (looks++ === 0) throw new WorkerError('redis_unavailable', 'x')
      return true
    }
    const { done } = await deeds({ type: 'done', result: 'r' }, { payDebt })
    const look = 'looked for its count'
    expect(done).toEqual(['told complete', 'record done', look, look, 'tidied', 'deleted'])
  })

  test('of a rejected job is deleted after the API was told', async () => {
    const { done } = await deeds({ type: 'rejected', error: new WorkerError('no_video', 'x') })
    expect(done).toEqual(['told fail no_video', 'output removed', 'record dead', 'swept as dead', 'deleted'])
  })

  test('of an API that takes no result is not deleted, and no attempt is spent', async () => {
    const complete = async () => {
      throw new WorkerError('api_unavailable', 'x')
    }
    const { done, ended } = await deeds({ type: 'done', result: 'r' }, { complete })
    expect(done).toEqual(['waiting, releases', expect.stringMatching(/^visible in \d+$/)])
    expect(ended).toBe('released')
  })

  test('of a failed attempt waits a while of its own, longer each time, and never comes back at once', async () => {
    const waits = async (failures: number) => {
      const all = await Promise.all(Array.from({ length: 60 }, () => deeds(failed(false), { failures })))
      expect(all[0]!.done[0]).toBe('waiting, failures')
      return all.map(({ done }) => Number(done[1]!.split(' ').at(-1)))
    }
    const [first, fourth] = [await waits(0), await waits(3)]
    expect(Math.min(...first)).toBeGreaterThanOrEqual(1)
    expect(Math.max(...first)).toBeLessThanOrEqual(30)
    expect(Math.max(...fourth)).toBeGreaterThan(30)
    expect(Math.max(...fourth)).toBeLessThanOrEqual(240)
    expect(new Set(fourth).size).toBeGreaterThan(10)
  })

  test('of the last failed attempt is kept in the dead-letter queue before it is deleted', async () => {
    const { done } = await deeds(failed(true))
    expect(done).toEqual([
      ...['told fail encode_failed', 'output removed', 'parked: encode_failed: x', 'record dead'],
      ...['swept as dead', 'deleted'],
    ])
  })

  test('comes once more when what came late behind the end could not be removed', async () => {
    const sweep = async () => {
      throw new WorkerError('storage_unavailable', 'x')
    }
    const { done, ended } = await deeds(
      { type: 'cancelled', error: new WorkerError('cancelled', 'x') },
      { sweep },
    )
    expect(done).toEqual(['told fail cancelled', 'output removed', 'record cancelled', 'visible in 60'])
    expect(ended).toBe('cancelled')
  })

  test('of a shared job that Redis never heard of is deleted when the record is claimed and left to its parts', async () => {
    const lease = { token: () => undefined, claimNow: async () => 7 }
    expect((await deeds({ type: 'fanned' }, { lease })).done).toEqual(['left to its parts by 7', 'deleted'])
    const claimNow = () => Promise.reject(new WorkerError('redis_unavailable', 'no connection'))
    const away = { token: () => undefined, claimNow }
    expect((await deeds({ type: 'fanned' }, { lease: away })).done).toEqual(['deleted'])
  })

  test('of the last failed attempt is of no use to anybody when the video was deleted: it is not kept', async () => {
    const fail = async () => 'gone' as const
    const { done, ended } = await deeds(failed(true), { fail })
    expect(done).toEqual(['output removed', 'record cancelled', 'swept as cancelled', 'deleted'])
    expect(ended).toBe('failed')
    // Its row may only be late: lesson 12.
    const young = await deeds(failed(true), { fail, sentMs: Date.now() })
    expect(young.done).toEqual(['waiting, releases', expect.stringMatching(/^visible in \d+$/)])
  })

  test('is given back at once by a worker that stops, but not to its own open poll', async () => {
    const { done } = await deeds(released('drained'))
    expect(done).toEqual(['polls ended', 'waiting, releases', 'visible in 0'])
  })

  test('is given back in a time that begins when the polls have ended, by a worker that must leave at once', async () => {
    const begun: string[][] = []
    const done: string[] = []
    const timeout = jest.spyOn(AbortSignal, 'timeout').mockImplementation(() => {
      begun.push([...done])
      return new AbortController().signal
    })
    try {
      const signal = AbortSignal.abort(new WorkerError('drained', 'x'))
      await deeds(released('drained'), { signal }, done)
    } finally {
      timeout.mockRestore()
    }
    expect(done).toEqual(['polls ended', 'waiting, releases', 'visible in 0'])
    expect(begun).toEqual([['polls ended']])
  })

  test('whose record has ended, and which a stop kept from being deleted, is shown at once: the next one deletes it', async () => {
    const remove = async () => {
      throw new WorkerError('drained', 'x')
    }
    const world = { remove, release: () => 0 }
    const told = ['told complete', 'record done', 'tidied', 'polls ended']
    const mine = await deeds({ type: 'done', result: 'r' }, { ...world, lease: { isRecordLeft: () => true } })
    expect(mine.done).toEqual([...told, 'visible in 0'])
    // That it ended otherwise makes the job somebody else's.
    expect((await deeds(released('drained'), world)).done).toEqual(['polls ended'])
  })

  test('of something that is away waits as well', async () => {
    const { done } = await deeds(released('storage_unavailable'))
    expect(Number(done[1]!.split(' ').at(-1))).toBeGreaterThanOrEqual(1)
  })

  test('that was handed back for days is sent anew, in its group, before the queue’s own redrive takes it', async () => {
    const young = await deeds(released('api_unavailable'), { receiveCount: 39 })
    expect(young.done[1]).toMatch(/^visible in/)
    const old = await deeds(released('api_unavailable'), { receiveCount: 40 })
    expect(old.done).toEqual(['waiting, releases', expect.stringMatching(/^sent in \d+ of g$/), 'deleted'])
  })

  test('of a job that is lost is not touched; its record is let go of, by the token, though all else has ended', async () => {
    const error = new WorkerError('lease_lost', 'x')
    const { done, ended } = await deeds({ type: 'lost', error }, { signal: AbortSignal.abort(error) })
    expect(done).toEqual(['waiting, releases'])
    expect(ended).toBe('lost')
  })

  test('whose lease ran out unseen is not touched either, and nobody is told', async () => {
    const lease = {
      check() {
        throw new WorkerError('lease_slack', 'x')
      },
    }
    const { done, ended } = await deeds({ type: 'done', result: 'r' }, { lease })
    expect(done).toEqual(['waiting, releases'])
    expect(ended).toBe('lost')
  })
})
