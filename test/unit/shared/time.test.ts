import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals'
import { deadline, every, monotonicMs, now, sleep } from '../../../shared/time.ts'

const tick = (ms: number) => jest.advanceTimersByTimeAsync(ms)

beforeEach(() => {
  jest.useFakeTimers()
})
afterEach(() => {
  expect(jest.getTimerCount()).toBe(0)
  jest.useRealTimers()
})

describe('sleep', () => {
  const outcomeOf = (promise: Promise<void>) => {
    const seen: unknown[] = []
    promise.then(
      () => seen.push('slept'),
      (reason) => seen.push(reason),
    )
    return seen
  }

  test('resolves after its time and not before', async () => {
    const seen = outcomeOf(sleep(1000, { signal: new AbortController().signal }))
    await tick(998)
    expect(seen).toEqual([])
    await tick(2)
    expect(seen).toEqual(['slept'])
  })

  test('rejects with the reason of an abort at once, and leaves no timer', async () => {
    const controller = new AbortController()
    const seen = outcomeOf(sleep(1000, { signal: controller.signal }))
    controller.abort('stop')
    await tick(0)
    expect(seen).toEqual(['stop'])
  })

  test('does not start under a signal that has already aborted', async () => {
    await expect(sleep(1000, { signal: AbortSignal.abort('before') })).rejects.toBe('before')
  })

  test('lasts for months where setTimeout alone would fire at once', async () => {
    const days = 24 * 3600 * 1000
    const seen = outcomeOf(sleep(40 * days, { signal: new AbortController().signal }))
    await tick(39 * days)
    expect(seen).toEqual([])
    await tick(days)
    expect(seen).toEqual(['slept'])
  })

  test('leaves no listener behind on a signal that lives long', async () => {
    const { signal } = new AbortController()
    const remove = jest.spyOn(signal, 'removeEventListener')
    const done = sleep(5, { signal })
    await tick(5)
    await done
    expect(remove).toHaveBeenCalledTimes(1)
  })
})

describe('every', () => {
  test('calls for the first time after one period, then each period, until stopped', async () => {
    const fn = jest.fn()
    const timer = every(100, fn)
    expect(fn).not.toHaveBeenCalled()
    await tick(350)
    expect(fn).toHaveBeenCalledTimes(3)
    timer.stop()
    await tick(1000)
    expect(fn).toHaveBeenCalledTimes(3)
  })

  test('never overlaps calls that take longer than the period', async () => {
    let running = 0
    let most = 0
    let calls = 0
    const { signal } = new AbortController()
    const timer = every(100, async () => {
      calls++
      most = Math.max(most, ++running)
      await sleep(250, { signal })
      running--
    })
    await tick(1000)
    timer.stop()
    await tick(300)
    expect({ most, calls }).toEqual({ most: 1, calls: 4 })
  })

  test('goes on after a call that failed, thrown or rejected, and tells onError', async () => {
    const errors: unknown[] = []
    let calls = 0
    const fn = () => {
      calls++
      if (calls === 1) throw new Error('thrown')
      return calls === 2 ? Promise.reject(new Error('rejected')) : undefined
    }
    const timer = every(100, fn, { onError: (error) => errors.push((error as Error).message) })
    await tick(300)
    timer.stop()
    expect({ calls, errors }).toEqual({ calls: 3, errors: ['thrown', 'rejected'] })
  })

  test('shows a failure that nobody listens for as a process warning', async () => {
    const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => {})
    const timer = every(100, () => Promise.reject(new Error('unheard')))
    await tick(100)
    timer.stop()
    expect(warn).toHaveBeenCalledTimes(1)
    warn.mockRestore()
  })

  test('ends with its signal, and does not start under an aborted one', async () => {
    const controller = new AbortController()
    const fn = jest.fn()
    every(100, fn, { signal: controller.signal })
    every(100, fn, { signal: AbortSignal.abort() })
    await tick(100)
    controller.abort()
    await tick(500)
    expect(fn).toHaveBeenCalledTimes(1)
  })
})

test('every does not keep a process alive that has nothing else to do', () => {
  const module = fileURLToPath(new URL('../../../shared/time.ts', import.meta.url))
  const script = `import { every } from ${JSON.stringify(module)}; every(10, () => {}); console.log('end')`
  const args = ['--input-type=module', '--eval', script]
  expect(execFileSync(process.execPath, args, { encoding: 'utf8', timeout: 30_000, stdio: 'pipe' })).toBe(
    'end\n',
  )
})

describe('deadline', () => {
  const late = new Error('late')

  test('aborts with its own error when the time is over', async () => {
    const limit = deadline(100, new AbortController().signal, () => late)
    await tick(99)
    expect(limit.signal.aborted).toBe(false)
    await tick(1)
    expect(limit.signal.reason).toBe(late)
  })

  test('aborts with the reason of its parent when that comes first, and that stays the reason', async () => {
    const parent = new AbortController()
    const limit = deadline(100, parent.signal, () => late)
    parent.abort('cancelled')
    await tick(200)
    expect(limit.signal.reason).toBe('cancelled')
  })

  test('keeps its own error when the parent aborts afterwards', async () => {
    const parent = new AbortController()
    const limit = deadline(100, parent.signal, () => late)
    await tick(100)
    parent.abort('cancelled')
    expect(limit.signal.reason).toBe(late)
  })

  test('is over at once under a parent that has aborted', () => {
    expect(deadline(100, AbortSignal.abort('before'), () => late).signal.reason).toBe('before')
  })

  test('never comes once disposed, not even with its parent', async () => {
    const parent = new AbortController()
    let signal: AbortSignal
    {
      using limit = deadline(100, parent.signal, () => late)
      signal = limit.signal
    }
    await tick(200)
    parent.abort()
    expect(signal.aborted).toBe(false)
  })

  test('restarts: a limit on silence', async () => {
    const limit = deadline(100, new AbortController().signal, () => late)
    for (let i = 0; i < 5; i++) {
      await tick(80)
      limit.restart()
    }
    expect(limit.signal.aborted).toBe(false)
    await tick(100)
    expect(limit.signal.reason).toBe(late)
    limit.restart()
  })
})

test('the two clocks run on', async () => {
  const [before, since] = [monotonicMs(), now()]
  await tick(50)
  expect(monotonicMs() - before).toBeCloseTo(50)
  expect(now() - since).toBe(50)
})
