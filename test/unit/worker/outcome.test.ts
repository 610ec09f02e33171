import { describe, expect, test } from '@jest/globals'
import { type ErrorCode, errorCodes, WorkerError } from '../../../shared/errors.ts'
import { outcomeOfError } from '../../../worker/outcome.ts'

const config = { maxAttempts: 5, maxCrashes: 3, backoffBaseSeconds: 30, backoffCapSeconds: 900 }
const fresh = { failures: 0, crashes: 0, releases: 0 }
const running = new AbortController().signal

function stopped(code: ErrorCode): AbortSignal {
  const controller = new AbortController()
  controller.abort(new WorkerError(code, 'the reason to stop'))
  return controller.signal
}

describe('the outcome of a job that threw', () => {
  test.each(Object.entries(errorCodes))('%s is decided by its kind alone', (code, { kind }) => {
    const outcome = outcomeOfError(new WorkerError(code as ErrorCode, 'x'), running, fresh, config)
    expect(outcome.type).toBe(kind)
  })

  test('is what stopped it, not the error that the stop caused', () => {
    const echo = new WorkerError('encode_failed', 'ffmpeg was killed by SIGKILL')
    expect(outcomeOfError(echo, stopped('cancelled'), fresh, config)).toMatchObject({ type: 'cancelled' })
    expect(outcomeOfError(echo, stopped('drained'), fresh, config)).toMatchObject({ type: 'released' })
    expect(outcomeOfError(echo, stopped('lease_lost'), fresh, config)).toMatchObject({ type: 'lost' })
  })

  test('is a failure of ours when the error is nobody’s', () => {
    const outcome = outcomeOfError(new TypeError('x is undefined'), running, fresh, config)
    expect(outcome).toMatchObject({
      type: 'failed',
      count: 'failures',
      last: false,
      error: { code: 'internal' },
    })
  })

  test('is the last one when the failures are used up', () => {
    const failed = new WorkerError('encode_failed', 'x')
    expect(outcomeOfError(failed, running, { ...fresh, failures: 3 }, config)).toMatchObject({ last: false })
    expect(outcomeOfError(failed, running, { ...fresh, failures: 4 }, config)).toMatchObject({ last: true })
  })

  test('counts a hung encoder as a crash', () => {
    const stalled = new WorkerError('encode_stalled', 'x')
    expect(outcomeOfError(stalled, running, fresh, config)).toMatchObject({ count: 'crashes', last: false })
    expect(outcomeOfError(stalled, running, { ...fresh, crashes: 2 }, config)).toMatchObject({ last: true })
  })

  test('never spends an attempt on a hand-back or on a world that is away', () => {
    for (const code of ['drained', 'storage_unavailable', 'api_unavailable', 'api_unauthorized'] as const) {
      const tired = { failures: 4, crashes: 2, releases: 40 }
      expect(outcomeOfError(new WorkerError(code, 'x'), running, tired, config).type).toBe('released')
    }
  })
})
