import { describe, expect, test } from '@jest/globals'
import { createLogger } from '../../../shared/logger.ts'
import { startDrain } from '../../../worker/drain.ts'
import type { Intake } from '../../../worker/intake.ts'
import { createProgressBar, type StepName } from '../../../worker/job/progress.ts'
import type { RunningJob } from '../../../worker/slot.ts'

/** Why a job at this step was handed back by a drain of 31 s, of which 1 s is for finishing; undefined when it was not. */
async function handedBack(step: StepName, remaining?: number): Promise<string | undefined> {
  const bar = createProgressBar()
  bar.move(step, 0, remaining)
  let why: string | undefined
  const job = {
    ...{ jobId: 'j', reporter: { value: bar.value }, force() {} },
    stop(error: Error) {
      why ??= error.message
    },
  } as unknown as RunningJob
  const { ended } = startDrain('SIGTERM', {
    intake: { stop: async () => {} } as unknown as Intake,
    redis: { set: async () => {} } as never,
    logger: createLogger({ level: 'silent', pretty: false }, {}),
    ...{ seconds: 31, interrupted: true, running: () => [job], idle: async () => {} },
  })
  await ended
  return why
}

describe('a drain', () => {
  test.each(['validating', 'thumbnail', 'uploading'] as const)(
    'lets a job finish that is %s: its encode is behind it',
    async (step) => {
      expect(await handedBack(step)).toBeUndefined()
    },
  )

  test('lets a job finish that is about to end its encode, and hands a longer one back at once', async () => {
    expect(await handedBack('transcoding', 1)).toBeUndefined()
    expect(await handedBack('transcoding', 400)).toContain('400 s more')
  })

  test('hands back what has no end in sight', async () => {
    expect(await handedBack('probing')).toContain('not known')
    expect(await handedBack('transcoding')).toContain('not known')
  })
})
