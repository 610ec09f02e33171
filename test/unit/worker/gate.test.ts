import { describe, expect, test } from '@jest/globals'
import { WorkerError } from '../../../shared/errors.ts'
import { createLogger } from '../../../shared/logger.ts'
import { createGate } from '../../../worker/gate.ts'

const { signal } = new AbortController()
const logger = createLogger({ level: 'silent', pretty: false }, {})

function gateWith(free: number[], checks: ('ok' | 'unauthorized')[] = [], trials: boolean[] = []) {
  const said: string[] = []
  const gate = createGate({
    ...{ minFreeBytes: 100, retryMs: 1 },
    api: { check: async () => checks.shift() ?? 'ok' },
    tryBucket: async () => {
      if (trials.shift() === false) throw new Error('403')
    },
    freeBytes: async () => (free.length > 1 ? free.shift()! : free[0]!),
    logger: Object.assign(Object.create(logger), {
      error: (fields: { code: string }) => said.push(fields.code),
    }),
  })
  return { gate, said }
}

describe('before a poll', () => {
  test('nothing holds a worker with a good token and room on its disk', async () => {
    const { gate, said } = gateWith([100])
    expect(await gate.pass(signal)).toBe(false)
    expect([gate.authorized, gate.scratchFree, said]).toEqual([true, true, []])
  })

  test('a full disk holds every slot until there is room, and is said once', async () => {
    const { gate, said } = gateWith([99, 99, 20, 500])
    expect(await Promise.all([gate.pass(signal), gate.pass(signal)])).toContain(true)
    expect(said).toEqual(['scratch_full'])
    expect(gate.scratchFree).toBe(true)
  })

  test('a refused token holds it until the API accepts it', async () => {
    const { gate, said } = gateWith([100], ['unauthorized', 'unauthorized', 'ok'])
    const refused = new WorkerError('api_unauthorized', '401')
    expect(await gate.judge(refused, signal)).toBe(refused)
    expect(gate.authorized).toBe(false)
    expect(await gate.pass(signal)).toBe(true)
    expect([gate.authorized, said]).toEqual([true, ['api_unauthorized']])
  })

  test('a bucket that refuses the job and a trial write holds it until it takes one, and costs no attempt', async () => {
    const { gate, said } = gateWith([100], [], [false, false, true])
    const denied = new WorkerError('storage_denied', '403')
    expect(await gate.judge(denied, signal)).toBe(denied)
    expect(gate.bucketWritable).toBe(false)
    expect(await gate.pass(signal)).toBe(true)
    expect([gate.bucketWritable, said]).toEqual([true, ['storage_denied']])
  })

  test('a bucket that refuses one object and takes a trial write holds nothing: that is the job’s matter', async () => {
    const { gate } = gateWith([100])
    const judged = await gate.judge(new WorkerError('storage_denied', 'the bucket said 403'), signal)
    expect(judged).toMatchObject({ code: 'storage_refused', kind: 'failed', message: 'the bucket said 403' })
    expect(await gate.pass(signal)).toBe(false)
  })

  test('a bucket that was away is asked before the next job is taken', async () => {
    const { gate } = gateWith([100], [], [false, true])
    await gate.judge(new WorkerError('storage_unavailable', 'no answer'), signal)
    expect(await gate.pass(signal)).toBe(true)
    expect(gate.bucketWritable).toBe(true)
  })

  test('a stop ends the wait', async () => {
    const { gate } = gateWith([0])
    const stop = new AbortController()
    const wait = gate.pass(stop.signal)
    setTimeout(() => stop.abort(new Error('the worker stops')), 5)
    await expect(wait).rejects.toThrow('the worker stops')
    expect(gate.scratchFree).toBe(false)
  })
})
