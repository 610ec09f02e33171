import { beforeEach, describe, expect, test } from '@jest/globals'
import { chance } from '../../bench/chance.ts'
import { StrictSqs, type StrictSqsOptions } from '../../strict-sqs/model.ts'
import type { StrictQueue } from '../../strict-sqs/queue.ts'

const hour = 3_600_000

let nowMs: number
let sqs: StrictSqs
let queue: StrictQueue
beforeEach(() => open())

function open(options: Partial<StrictSqsOptions> = {}, attributes: Record<string, string> = {}): void {
  nowMs = 1_000_000
  sqs = new StrictSqs({ clock: () => nowMs, random: chance(1), ...options })
  sqs.createQueue('dlq', { MessageRetentionPeriod: '1209600' })
  queue = sqs.createQueue('jobs', { VisibilityTimeout: '30', ...attributes })
}
const redrive = (maxReceiveCount: number) => ({
  RedrivePolicy: JSON.stringify({ deadLetterTargetArn: 'arn:aws:sqs:r:000000000000:dlq', maxReceiveCount }),
})
/** Sends one and receives it. */
const take = (visibilitySeconds?: number) => {
  queue.send({ body: 'job' })
  return queue.receive({ visibilitySeconds })[0]!
}
const bodies = () => queue.receive({ most: 10 }).map(({ message }) => message.body)
const codeOf = (act: () => unknown) => {
  try {
    act()
  } catch (error) {
    return (error as { code?: string }).code
  }
  return 'no error'
}

describe('visibility', () => {
  test('counts from the receive', () => {
    take()
    nowMs += 29_999
    expect(bodies()).toEqual([])
    nowMs += 1
    expect(bodies()).toEqual(['job'])
  })

  test('counts from the change, not from what was left, and is the queue’s own again at the next receive', () => {
    const { handle } = take()
    nowMs += 20_000
    queue.changeVisibility(handle, 5)
    nowMs += 4_999
    expect(bodies()).toEqual([])
    nowMs += 1
    expect(bodies()).toEqual(['job'])
    nowMs += 29_999
    expect(bodies()).toEqual([])
  })

  test('of 0 shows the message at once', () => {
    queue.changeVisibility(take().handle, 0)
    expect(queue.receive()[0]!.receiveCount).toBe(2)
  })

  test('cannot be held past 12 hours from the receive, and is not shortened to fit', () => {
    const { handle } = take(43_200)
    nowMs += hour
    expect(() => queue.changeVisibility(handle, 43_200)).toThrow(
      /Total VisibilityTimeout .* beyond the limit/,
    )
    queue.changeVisibility(handle, 11 * 3600)
    nowMs += 11 * hour
    expect(() => queue.changeVisibility(handle, 0)).toThrow('The receipt handle has expired')
    expect(() => queue.delete(handle)).toThrow('The receipt handle has expired')
    expect(bodies()).toEqual(['job'])
  })

  test.each([-1, 43_201, 1.5])('of %p is refused', (seconds) => {
    const { handle } = take()
    expect(codeOf(() => queue.changeVisibility(handle, seconds))).toBe('InvalidParameterValue')
    expect(codeOf(() => queue.receive({ visibilitySeconds: seconds }))).toBe('InvalidParameterValue')
  })
})

describe('a handle', () => {
  test('that nobody followed deletes, however long its visibility has ended', () => {
    const { handle } = take()
    nowMs += hour
    queue.delete(handle)
    expect(queue.messages()).toEqual([])
    queue.delete(handle)
  })

  test.each([
    ['kept', 1],
    ['deleted', 0],
  ] as const)(
    'that somebody followed is stale: its delete succeeds, and the message is %s',
    (staleDelete, left) => {
      open({ leeway: { staleDelete } })
      const { handle } = take()
      nowMs += 30_000
      queue.receive()
      queue.delete(handle)
      expect(queue.messages()).toHaveLength(left)
    },
  )

  test('that somebody followed changes nothing, unless SQS is taken for obeying it', () => {
    const { handle } = take()
    nowMs += 30_000
    queue.receive()
    expect(() => queue.changeVisibility(handle, 0)).toThrow('not available for visibility timeout change')
    sqs.dice.leeway = { ...sqs.dice.leeway, staleChange: 'obeyed' }
    queue.changeVisibility(handle, 0)
    expect(bodies()).toEqual(['job'])
  })

  test.each([
    ['refused', 'MessageNotInflight', ['job']],
    ['ignored', 'no error', ['job']],
    ['obeyed', 'no error', []],
  ] as const)('whose visibility has ended: a change is %s', (lateChange, code, received) => {
    open({ leeway: { lateChange } })
    const { handle } = take()
    nowMs += 30_000
    expect(codeOf(() => queue.changeVisibility(handle, 30))).toBe(code)
    expect(bodies()).toEqual(received)
  })

  test('of a message that is gone changes nothing and deletes nothing', () => {
    const { handle } = take()
    queue.delete(handle)
    expect(codeOf(() => queue.changeVisibility(handle, 30))).toBe('InvalidParameterValue')
    queue.delete(handle)
  })

  test('of another queue, or none at all, is refused', () => {
    const { handle } = take()
    expect(codeOf(() => sqs.queue('dlq').delete(handle))).toBe('ReceiptHandleIsInvalid')
    for (const wrong of ['', 'garbage', 'AQEBgarbage'])
      for (const act of [() => queue.delete(wrong), () => queue.changeVisibility(wrong, 1)])
        expect(codeOf(act)).toBe('ReceiptHandleIsInvalid')
  })
})

describe('chance', () => {
  test('duplicate: a message in flight is received again, and the first handle is stale', () => {
    open({ chances: { duplicate: 1 }, copyMs: 1000 })
    const first = take()
    sqs.dice.calm()
    nowMs += 1000
    const [second] = queue.receive()
    expect([second!.message.id, second!.receiveCount]).toEqual([first.message.id, 2])
    queue.delete(first.handle)
    expect(queue.messages()).toHaveLength(1)
    queue.delete(second!.handle)
    expect(bodies()).toEqual([])
  })

  test('lost receive: nobody gets the message, its count grows, and it comes when its visibility ends', () => {
    sqs.dice.demand('lostReceive')
    expect(take()).toBeUndefined()
    expect(queue.messages()[0]!.history.at(-1)).toMatchObject({ what: 'received', heard: false })
    nowMs += 29_999
    expect(bodies()).toEqual([])
    nowMs += 1
    expect(queue.receive()[0]!.receiveCount).toBe(2)
  })

  test('undelete: what was deleted comes once more, and stays until it is deleted again', () => {
    const { handle } = take()
    sqs.dice.demand('undelete')
    queue.delete(handle)
    expect(queue.counts()).toEqual({ waiting: 0, inFlight: 0, delayed: 0 })
    nowMs += 1000
    const [again] = queue.receive()
    nowMs += 30_000
    const [more] = queue.receive()
    expect([again!.receiveCount, more!.receiveCount]).toEqual([2, 3])
    queue.delete(more!.handle)
    nowMs += hour
    expect(bodies()).toEqual([])
  })

  test('missed: a short poll may find nothing, a long one never does', () => {
    queue.send({ body: 'job' })
    sqs.dice.chances.missed = 1
    expect(queue.receive({ long: false })).toEqual([])
    expect(queue.receive({ long: true })).toHaveLength(1)
  })

  test('is the same for the same seed', () => {
    const run = (seed: number) => {
      open({
        random: chance(seed),
        chances: { duplicate: 0.3, lostReceive: 0.3, disorder: 0.5, undelete: 0.3 },
      })
      for (let n = 0; n < 10; n++) queue.send({ body: String(n) })
      const seen: string[] = []
      for (let n = 0; n < 40; n++) {
        nowMs += 5000
        for (const { message, handle } of queue.receive({ most: 3 })) {
          seen.push(`${message.id} ${message.body}`)
          if (n % 2 === 0) queue.delete(handle)
        }
      }
      return seen
    }
    expect(run(7)).toEqual(run(7))
    expect(run(7)).not.toEqual(run(8))
  })
})

describe('redrive', () => {
  test('moves a message at the receive after the last that is allowed, with id, time and attributes', () => {
    open({}, redrive(2))
    const attributes = { note: { DataType: 'String', StringValue: 'kept' } }
    const { id, sentMs } = queue.send({ body: 'job', attributes, groupId: 'g' })
    for (const count of [1, 2]) {
      expect(queue.receive()[0]!.receiveCount).toBe(count)
      nowMs += 30_000
    }
    expect(sqs.queue('dlq').messages()).toEqual([])
    expect(bodies()).toEqual([])
    const [dead] = sqs.queue('dlq').receive()
    expect(dead!.receiveCount).toBe(3)
    expect(dead!.message).toMatchObject({ id, sentMs, attributes, groupId: 'g', movedFrom: 'jobs' })
    expect(queue.messages()).toEqual([])
  })

  test('keeps the age: a message that is old dies in the dead-letter queue at once', () => {
    open({}, { ...redrive(1), MessageRetentionPeriod: '1209600' })
    sqs.queue('dlq').setAttributes({ MessageRetentionPeriod: '60' })
    take()
    nowMs += 61_000
    expect(bodies()).toEqual([])
    expect(sqs.queue('dlq').messages()).toEqual([])
    expect(
      sqs
        .queue('dlq')
        .messages('ever')[0]!
        .history.map(({ what }) => what),
    ).toEqual(['sent', 'received', 'lapsed', 'moved', 'expired'])
  })

  test('whose target is gone leaves the message to be received', () => {
    open({}, redrive(1))
    sqs.deleteQueue('dlq')
    take()
    nowMs += 30_000
    expect(bodies()).toEqual(['job'])
  })

  test('needs a target', () => {
    expect(codeOf(() => sqs.createQueue('a', redrive(0)))).toBe('InvalidParameterValue')
    const RedrivePolicy = redrive(3).RedrivePolicy.replace(':dlq', ':nowhere')
    expect(codeOf(() => sqs.createQueue('a', { RedrivePolicy }))).toBe('InvalidParameterValue')
  })
})

describe('time', () => {
  test('removes a message when its retention since the sending is over, in flight or not', () => {
    open({}, { MessageRetentionPeriod: '60' })
    const { handle } = take(600)
    queue.send({ body: 'waits' })
    nowMs += 59_999
    expect(queue.counts()).toEqual({ waiting: 1, inFlight: 1, delayed: 0 })
    nowMs += 1
    expect(queue.counts()).toEqual({ waiting: 0, inFlight: 0, delayed: 0 })
    expect(codeOf(() => queue.changeVisibility(handle, 30))).toBe('InvalidParameterValue')
    queue.delete(handle)
  })

  test('delays a message, by the message’s word before the queue’s', () => {
    open({}, { DelaySeconds: '10' })
    queue.send({ body: 'queue' })
    queue.send({ body: 'own', delaySeconds: 5 })
    expect(queue.counts()).toEqual({ waiting: 0, inFlight: 0, delayed: 2 })
    expect(queue.nextChangeMs()).toBe(nowMs + 5000)
    nowMs += 5000
    expect(bodies()).toEqual(['own'])
    nowMs += 5000
    expect(bodies()).toEqual(['queue'])
  })

  test('is told to whoever waits: the next visibility, delay or retention that ends', () => {
    open({}, { MessageRetentionPeriod: '60' })
    expect(queue.nextChangeMs()).toBe(Number.POSITIVE_INFINITY)
    const sentMs = nowMs
    const { handle } = take()
    expect(queue.nextChangeMs()).toBe(sentMs + 30_000)
    queue.changeVisibility(handle, 120)
    expect(queue.nextChangeMs()).toBe(sentMs + 60_000)
  })

  test('passes before the counts that are reported tell', () => {
    open({ countLagMs: 60_000 })
    const { handle } = take()
    const reported = () => Object.values(queue.reportedCounts())
    expect(reported()).toEqual([0, 0, 0])
    nowMs += 60_000
    expect(reported()).toEqual([0, 1, 0])
    queue.delete(handle)
    expect(Object.values(queue.counts())).toEqual([0, 0, 0])
    expect(reported()).toEqual([0, 1, 0])
    nowMs += 29_999
    expect(reported()).toEqual([0, 1, 0])
    nowMs += 1
    expect(reported()).toEqual([1, 0, 0])
    nowMs += 30_001
    expect(reported()).toEqual([0, 0, 0])
  })
})

test('a tenant with a backlog waits behind another’s message: fair queues', () => {
  for (const n of [1, 2, 3]) queue.send({ body: `noisy ${n}`, groupId: 'noisy' })
  queue.receive()
  nowMs += 1000
  queue.send({ body: 'quiet', groupId: 'quiet' })
  expect(bodies()).toEqual(['quiet', 'noisy 2', 'noisy 3'])
})

test('with the most in flight that it allows, a long poll finds nothing and a short one is refused', () => {
  open({ mostInFlight: 1 })
  take()
  queue.send({ body: 'two' })
  expect(bodies()).toEqual([])
  expect(codeOf(() => queue.receive({ long: false }))).toBe('OverLimit')
})

test('the history tells who held a message, and when', () => {
  const { handle, message } = take()
  nowMs += 1000
  queue.changeVisibility(handle, 5)
  nowMs += 60_000
  queue.delete(queue.receive()[0]!.handle)
  expect(queue.messageOf(handle)).toBe(message)
  expect(message.history.map(({ what, atMs }) => [what, atMs - message.sentMs])).toEqual([
    ['sent', 0],
    ['received', 0],
    ['changed', 1000],
    ['lapsed', 6000],
    ['received', 61_000],
    ['deleted', 61_000],
  ])
})

test.each([
  [{ body: '' }, 'MissingParameter'],
  [{ body: 'a\u0000' }, 'InvalidMessageContents'],
  [{ body: 'x'.repeat(1_048_577) }, 'InvalidParameterValue'],
  [{ body: 'a', delaySeconds: 901 }, 'InvalidParameterValue'],
  [{ body: 'a', groupId: 'two words' }, 'InvalidParameterValue'],
  [{ body: 'a', attributes: { empty: { DataType: 'String', StringValue: '' } } }, 'InvalidParameterValue'],
])('a message that SQS does not take is refused: %#', (input, code) => {
  expect(codeOf(() => queue.send(input))).toBe(code)
})

test('queues and attributes that SQS does not take are refused', () => {
  expect(codeOf(() => sqs.queue('none'))).toBe('QueueDoesNotExist')
  expect(codeOf(() => sqs.createQueue('no spaces'))).toBe('InvalidParameterValue')
  expect(codeOf(() => sqs.createQueue('jobs', { VisibilityTimeout: '31' }))).toBe('QueueNameExists')
  expect(codeOf(() => sqs.createQueue('a', { VisibilityTimeout: '43201' }))).toBe('InvalidAttributeValue')
  expect(codeOf(() => sqs.createQueue('a', { Fifo: 'true' }))).toBe('InvalidAttributeName')
  expect(sqs.createQueue('jobs', { VisibilityTimeout: '30' })).toBe(queue)
})
