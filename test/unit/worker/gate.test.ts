import { describe, expect, test } from '@jest/globals'
import { createLogger } from '../../../shared/logger.ts'
import { createGate } from '../../../worker/gate.ts'

const { signal } = new AbortController()
const logger = createLogger({ level: 'silent', pretty: false }, {})

function gateWith(free: number[], checks: ('ok' | 'unauthorized')[] = []) {
  const said: string[] = []
  const gate = createGate({
    ...{ minFreeBytes: 100, retryMs: 1 },
    api: { check: async () => checks.shift() ?? 'ok' },
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
    gate.refused()
    expect(gate.authorized).toBe(false)
    expect(await gate.pass(signal)).toBe(true)
    expect([gate.authorized, said]).toEqual([true, ['api_unauthorized']])
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
