import { describe, expect, test } from '@jest/globals'
import { WorkerError } from '../../../shared/errors.ts'
import { createProtection, type ProtectionInput } from '../../../worker/notices/protection.ts'
import { listen } from './said.ts'

type Answer = 'done' | 'out of service' | Error
const { signal } = new AbortController()
const away = new WorkerError('scaling_unavailable', 'Auto Scaling did not answer')
const later = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** answers: of Auto Scaling, in order; the last one stays. */
function create(answers: Answer[] = ['done'], more: Partial<ProtectionInput> = {}) {
  const calls: boolean[] = []
  const { logger, said } = listen()
  const protection = createProtection({
    scaling: {
      async protect(on) {
        calls.push(on)
        await later(1)
        const answer = answers.length > 1 ? answers.shift()! : answers[0]!
        if (answer instanceof Error) throw answer
        return answer
      },
    },
    ...{ mode: 'auto', idleSeconds: 0.05, logger, isTerminating: async () => false },
    limits: { againMs: 40 },
    ...more,
  })
  return { protection, calls, said }
}

describe('scale-in protection', () => {
  test('of a hundred tiny jobs one after another is two calls, and stands before the first starts', async () => {
    const { protection, calls } = create(['done'], { idleSeconds: 0.2 })
    expect(await protection.begin()).toBe('start')
    expect([protection.state, calls]).toEqual(['protected', [true]])
    protection.end()
    for (let n = 0; n < 99; n++) {
      expect(await protection.begin()).toBe('start')
      protection.end()
    }
    expect(calls).toEqual([true])
    while (protection.state !== 'unprotected') await later(5)
    expect(calls).toEqual([true, false])
    await protection.close()
    expect(calls).toEqual([true, false])
  })

  test('of several slots at once is asked for once, and ends with the last job', async () => {
    const { protection, calls } = create()
    await Promise.all([protection.begin(), protection.begin(), protection.begin()])
    protection.end()
    protection.end()
    await later(120)
    expect(calls).toEqual([true])
    protection.end()
    while (protection.state !== 'unprotected') await later(5)
    expect(calls).toEqual([true, false])
    await protection.close()
  })

  test('that a killed predecessor left is taken away from an idle instance', async () => {
    const { protection, calls } = create()
    while (protection.state !== 'unprotected') await later(5)
    expect(calls).toEqual([false])
    await protection.close()
  })

  test('is taken away by a worker that leaves', async () => {
    const { protection, calls } = create(['done'], { idleSeconds: 3600 })
    await protection.begin()
    protection.end()
    await protection.close()
    expect(calls).toEqual([true, false])
  })

  test('is set again when a job comes while it is being taken away', async () => {
    const { protection, calls } = create(['done'], { idleSeconds: 0 })
    await protection.begin()
    protection.end()
    while (calls.length < 2) await later(0.1)
    await protection.begin()
    expect([protection.state, calls]).toEqual(['protected', [true, false, true]])
    protection.end()
    await protection.close()
  })
})

describe('when protection is refused', () => {
  test('because the instance is being terminated, no job starts, and nothing more is asked', async () => {
    const { protection, calls } = create(['out of service'], { isTerminating: async () => true })
    expect(await protection.begin()).toBe('leaving')
    expect(await protection.begin()).toBe('leaving')
    await protection.close()
    expect(calls).toEqual([true])
  })

  test('because the instance is not in service yet, jobs run, and it is set as soon as it can be', async () => {
    const { protection, calls, said } = create(['out of service', 'out of service', 'done'])
    expect(await protection.begin()).toBe('start')
    expect(protection.state).toBe('failing')
    while (protection.state !== 'protected') await later(5)
    expect(calls).toEqual([true, true, true])
    expect(said.filter(({ level }) => level === 'warn')).toHaveLength(1)
    protection.end()
    await protection.close()
  })

  test('because nobody answers, jobs run and wait for it once, not each', async () => {
    const { protection, calls } = create([away], { limits: { againMs: 10_000 } })
    for (let n = 0; n < 100; n++) {
      expect(await protection.begin()).toBe('start')
      protection.end()
    }
    expect(calls).toEqual([true])
    await protection.close()
  })

  test('because the answer takes too long, a job waits a bounded time', async () => {
    const hung: ProtectionInput['scaling'] = {
      protect: (_, stop) =>
        new Promise((_resolve, reject) => stop.addEventListener('abort', () => reject(stop.reason))),
    }
    const { protection } = create([], { scaling: hung, limits: { waitMs: 20, againMs: 10_000 } })
    expect(await protection.begin()).toBe('start')
    protection.end()
    await protection.close()
  })

  test('and it is required, jobs go back and polling is held until it works', async () => {
    const { protection } = create([away, away, away, 'done'], { mode: 'required' })
    expect(await protection.pass(signal)).toBe(false)
    expect(await protection.begin()).toBe('wait')
    expect(await protection.pass(signal)).toBe(true)
    expect(protection.state).toBe('protected')
    expect(await protection.begin()).toBe('start')
    protection.end()
    await protection.close()
  })

  test('and it is required, the queue does not stand for ever', async () => {
    const { protection, said } = create([away], {
      mode: 'required',
      limits: { againMs: 20, requiredMs: 100 },
    })
    expect(await protection.begin()).toBe('wait')
    expect(await protection.pass(signal)).toBe(true)
    expect(await protection.begin()).toBe('start')
    expect(said.some(({ level }) => level === 'error')).toBe(true)
    protection.end()
    await protection.close()
  })

  test('and it is required, a stop ends the hold', async () => {
    const { protection } = create([away], { mode: 'required', limits: { againMs: 10_000 } })
    await protection.begin()
    const stop = new AbortController()
    const held = protection.pass(stop.signal)
    stop.abort(new Error('the worker stops'))
    await expect(held).rejects.toThrow('the worker stops')
    await protection.close()
  })
})
