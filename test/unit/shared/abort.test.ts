import { describe, expect, jest, test } from '@jest/globals'
import { aborted, firstReason, withSignal } from '../../../shared/abort.ts'

describe('withSignal', () => {
  test('gives the outcome of a promise that settles first', async () => {
    const { signal } = new AbortController()
    await expect(withSignal(Promise.resolve(7), signal)).resolves.toBe(7)
    await expect(withSignal(Promise.reject(new Error('broken')), signal)).rejects.toThrow('broken')
  })

  test('gives the reason of an abort that comes first, and swallows what comes later', async () => {
    const controller = new AbortController()
    const slow = Promise.withResolvers<void>()
    const waiting = withSignal(slow.promise, controller.signal)
    controller.abort('stop')
    await expect(waiting).rejects.toBe('stop')
    // an unhandled rejection here would fail the run
    slow.reject(new Error('too late'))
    await new Promise(setImmediate)
  })

  test('does not wait under a signal that has already aborted', async () => {
    await expect(withSignal(new Promise(() => {}), AbortSignal.abort('before'))).rejects.toBe('before')
  })

  test('leaves no listener behind', async () => {
    const { signal } = new AbortController()
    const [add, remove] = [jest.spyOn(signal, 'addEventListener'), jest.spyOn(signal, 'removeEventListener')]
    await withSignal(Promise.resolve(), signal)
    await withSignal(Promise.reject(new Error('broken')), signal).catch(() => {})
    expect(remove).toHaveBeenCalledTimes(add.mock.calls.length)
  })
})

test('aborted resolves with the abort, at once when it is past', async () => {
  const controller = new AbortController()
  const waiting = aborted(controller.signal)
  controller.abort()
  await waiting
  await aborted(controller.signal)
})

test('a failure under an aborted signal is only the echo of the abort (lesson 15)', () => {
  const killed = new Error('ffmpeg was killed')
  expect(firstReason(AbortSignal.abort('cancelled'), killed)).toBe('cancelled')
  expect(firstReason(new AbortController().signal, killed)).toBe(killed)
})
