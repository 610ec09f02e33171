import type { SQSClient } from '@aws-sdk/client-sqs'
import { afterEach, describe, expect, test } from '@jest/globals'
import { createLogger } from '../../../shared/logger.ts'
import type { Queue } from '../../../shared/queue.ts'
import { monotonicMs, sleep } from '../../../shared/time.ts'
import { createIntake, type Intake } from '../../../worker/intake.ts'

const { signal } = new AbortController()
const message = { MessageId: 'm', ReceiptHandle: 'r', Body: '{}', Attributes: {} }
const intakes: Intake[] = []
afterEach(async () => {
  for (const intake of intakes.splice(0)) await intake.stop()
})

/** One slot over a queue that answers each poll with `poll`; resolves to what it heard. */
function open(poll: () => Promise<object>, handle: () => Promise<void> = async () => {}) {
  const heard: { result: string; atMs: number }[] = []
  const intake = createIntake({
    queue: { url: 'http://queue', pollClient: { send: poll } as unknown as SQSClient } as Queue,
    config: {
      concurrency: 1,
      queue: { name: 'q', deadLetterName: 'd', waitSeconds: 1 },
      lease: { visibilitySeconds: 30, beatSeconds: 5, minSlackSeconds: 5, maxSeconds: 100 },
    },
    logger: createLogger({ level: 'silent', pretty: false }, {}),
    gate: async () => false,
    onPoll: (result) => heard.push({ result, atMs: monotonicMs() }),
    handle,
  })
  intakes.push(intake)
  intake.start()
  return { intake, heard }
}
async function until(check: () => boolean): Promise<void> {
  for (let tries = 0; tries < 2000 && !check(); tries++) await sleep(10, { signal })
  expect(check()).toBe(true)
}

describe('a poll', () => {
  test('that fails is no empty queue: it is told apart, waited behind, and the silence counts on', async () => {
    let polls = 0
    const { intake, heard } = open(async () => {
      polls += 1
      if (polls <= 2) throw Object.assign(new Error('no'), { name: 'InternalFailure' })
      await sleep(5, { signal })
      return {}
    })
    await until(() => heard.length >= 2)
    expect(intake.sinceGoodPollMs()).toBeGreaterThan(400)
    await until(() => heard.length >= 4)
    expect(heard.slice(0, 4).map(({ result }) => result)).toEqual(['error', 'error', 'empty', 'empty'])
    expect(heard[1]!.atMs - heard[0]!.atMs).toBeGreaterThan(400)
    expect(intake.sinceGoodPollMs()).toBeLessThan(heard[3]!.atMs - heard[0]!.atMs)
  })

  test('that is open at a stop is let end, and what it brings is not swallowed', async () => {
    const { promise, resolve } = Promise.withResolvers<object>()
    let handled = 0
    let polled = false
    const { intake } = open(
      () => {
        polled = true
        return promise
      },
      async () => {
        handled += 1
      },
    )
    await until(() => polled)
    let ended = false
    const stopped = intake.stop().then(() => {
      ended = true
    })
    await sleep(50, { signal })
    expect(ended).toBe(false)
    resolve({ Messages: [message] })
    await stopped
    await until(() => handled === 1)
  })

  test('is not made while the slot is at work', async () => {
    const { promise, resolve } = Promise.withResolvers<void>()
    let polls = 0
    const { intake } = open(
      async () => {
        polls += 1
        await sleep(5, { signal })
        return polls === 1 ? { Messages: [message] } : {}
      },
      () => promise,
    )
    await until(() => polls === 1)
    await sleep(100, { signal })
    expect([polls, intake.sinceGoodPollMs()]).toEqual([1, 0])
    resolve()
    await until(() => polls > 1)
  })
})
