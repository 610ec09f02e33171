import { describe, expect, test } from '@jest/globals'
import { type ErrorCode, WorkerError } from '../../../shared/errors.ts'
import { stopInTime } from '../../../worker/late-cancel.ts'

/** Tells a job to stop, as often as there are answers to whether it is published; resolves to how often it was stopped. */
async function stops(
  answers: (boolean | Error)[],
  { first = false, kind = 'transcode', code = 'cancelled' } = {},
) {
  let stopped = 0
  let asked = 0
  const isPublished = async () => {
    const answer = answers[asked++]
    if (answer instanceof Error) throw answer
    return answer === true
  }
  const stop = stopInTime({ kind: kind as 'transcode', isPublished }, first, () => {
    stopped += 1
  })
  for (const _ of answers) await stop(new WorkerError(code as ErrorCode, 'x'))
  return { stopped, asked }
}

describe('a request to cancel', () => {
  test('that comes when an attempt before this one has published the video is too late', async () => {
    expect(await stops([true])).toEqual({ stopped: 0, asked: 1 })
    expect(await stops([false])).toEqual({ stopped: 1, asked: 1 })
  })

  test('waits for a bucket that does not answer', async () => {
    expect(await stops([new Error('away'), new Error('away'), false])).toEqual({ stopped: 1, asked: 3 })
  })

  test('finds what an attempt has published that Redis knows nothing of', async () => {
    expect(await stops([true], { first: true })).toEqual({ stopped: 0, asked: 1 })
  })

  test('of a first attempt waits for no bucket, of a part for no answer', async () => {
    expect(await stops([new Error('away')], { first: true })).toEqual({ stopped: 1, asked: 1 })
    expect(await stops([true], { kind: 'part' })).toEqual({ stopped: 1, asked: 0 })
  })
})

test('everything else that stops a job stops a published one, too', async () => {
  expect(await stops([true], { code: 'video_deleted' })).toEqual({ stopped: 1, asked: 0 })
})
