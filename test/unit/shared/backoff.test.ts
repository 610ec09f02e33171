import { describe, expect, jest, test } from '@jest/globals'
import { fullJitter, type RetryOptions, retry } from '../../../shared/backoff.ts'

describe('fullJitter', () => {
  const ceilings = (base: number, cap: number) =>
    [1, 2, 3, 4, 5, 6, 7].map((attempt) => fullJitter({ base, cap, attempt, random: () => 1 }))

  test('doubles the ceiling with each attempt, up to the cap', () => {
    expect(ceilings(0.5, 10)).toEqual([0.5, 1, 2, 4, 8, 10, 10])
    expect(ceilings(30, 900)).toEqual([30, 60, 120, 240, 480, 900, 900])
  })

  test('spreads evenly from nothing to the ceiling', () => {
    expect(fullJitter({ base: 8, cap: 100, attempt: 1, random: () => 0 })).toBe(0)
    expect(fullJitter({ base: 8, cap: 100, attempt: 1, random: () => 0.25 })).toBe(2)
    for (let i = 0; i < 1000; i++) {
      const seconds = fullJitter({ base: 8, cap: 100, attempt: 3 })
      expect(seconds >= 0 && seconds < 32).toBe(true)
    }
  })

  test('stays at the cap however often it failed, and takes attempt 0 as the first', () => {
    expect(fullJitter({ base: 1, cap: 10, attempt: 5000, random: () => 1 })).toBe(10)
    expect(fullJitter({ base: 1, cap: 10, attempt: 0, random: () => 1 })).toBe(1)
  })
})

describe('retry', () => {
  const { signal } = new AbortController()
  const fast: RetryOptions = { tries: 4, base: 0.001, cap: 0.002, signal }
  const failing = (times: number) =>
    jest.fn(async (attempt: number) => {
      if (attempt <= times) throw new Error(`failure ${attempt}`)
      return `try ${attempt}`
    })

  test('tries until it succeeds', async () => {
    const fn = failing(2)
    await expect(retry(fn, fast)).resolves.toBe('try 3')
    expect(fn).toHaveBeenCalledTimes(3)
  })

  test('throws the last error when the tries are used up', async () => {
    const fn = failing(9)
    await expect(retry(fn, fast)).rejects.toThrow('failure 4')
    expect(fn).toHaveBeenCalledTimes(4)
  })

  test('does not try again what cannot get better', async () => {
    const fn = failing(9)
    await expect(retry(fn, { ...fast, retryIf: () => false })).rejects.toThrow('failure 1')
    expect(fn).toHaveBeenCalledTimes(1)
  })

  test('tells of each retry with the error, the failures so far and the wait', async () => {
    const told: unknown[] = []
    await retry(failing(2), {
      ...fast,
      random: () => 1,
      onRetry: (error, attempt, delay) => told.push([(error as Error).message, attempt, delay]),
    })
    expect(told).toEqual([
      ['failure 1', 1, 0.001],
      ['failure 2', 2, 0.002],
    ])
  })

  test('ends a wait at once with the reason of an abort', async () => {
    const controller = new AbortController()
    const options = { tries: 4, base: 1000, cap: 1000, random: () => 1, signal: controller.signal }
    const waiting = retry(failing(9), {
      ...options,
      onRetry: () => setImmediate(() => controller.abort('drained')),
    })
    await expect(waiting).rejects.toBe('drained')
  })

  test('throws the reason, not the echo, when a try fails under an abort', async () => {
    const controller = new AbortController()
    const fn = jest.fn(async () => {
      controller.abort('cancelled')
      throw new Error('socket closed')
    })
    await expect(retry(fn, { ...fast, signal: controller.signal })).rejects.toBe('cancelled')
    expect(fn).toHaveBeenCalledTimes(1)
  })

  test('does not start under a signal that has already aborted', async () => {
    const fn = failing(0)
    await expect(retry(fn, { ...fast, signal: AbortSignal.abort('before') })).rejects.toBe('before')
    expect(fn).not.toHaveBeenCalled()
  })
})
