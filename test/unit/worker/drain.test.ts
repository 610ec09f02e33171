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

describe('a drain with a job that does not end', () => {
  /** A drain of `seconds` with one job behind its encode; what it was told, in order. */
  function stuck(seconds: number, interrupted = true) {
    const bar = createProgressBar()
    bar.move('uploading')
    const told: string[] = []
    const keys: string[] = []
    const { promise: idle, resolve: leave } = Promise.withResolvers<void>()
    const job = {
      ...{ jobId: 'j', reporter: { value: bar.value } },
      stop: () => told.push('stop'),
      force: () => told.push('force'),
    } as unknown as RunningJob
    const drain = startDrain('SIGTERM', {
      intake: { stop: async () => {} },
      redis: {
        async set(key) {
          keys.push(key)
        },
      },
      logger: createLogger({ level: 'silent', pretty: false }, {}),
      ...{ seconds, interrupted, running: () => [job], idle: () => idle },
    })
    return { drain, told, keys, leave }
  }
  const until = async (check: () => boolean) => {
    while (!check()) await new Promise((resolve) => setTimeout(resolve, 5))
  }

  test('tells it to stop, then cuts off its callbacks while its message can still be handed back', async () => {
    const { drain, told, leave } = stuck(5.2)
    await until(() => told.length === 2)
    expect(told).toEqual(['stop', 'force'])
    leave()
    expect(await drain.ended).toBe('clean')
  })

  test('that must end sooner does, and one that would end later does not wait for it', async () => {
    const { drain, told } = stuck(100)
    drain.hasten(1000)
    expect(told).toEqual([])
    drain.hasten(0.05)
    expect(await drain.ended).toBe('forced')
    expect(told).toEqual(['stop', 'force'])
  })

  test('tells the product of an interruption, and of an orderly scale-in nothing', async () => {
    for (const interrupted of [true, false]) {
      const { drain, keys, leave } = stuck(100, interrupted)
      leave()
      expect(await drain.ended).toBe('clean')
      expect(keys).toEqual(interrupted ? ['video:asg:interrupt'] : [])
    }
  })
})
