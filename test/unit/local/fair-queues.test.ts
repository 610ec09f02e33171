import { beforeEach, describe, expect, test } from '@jest/globals'
import { FairOrder, type Grouped } from '../../local/fair-queues.ts'

const minute = 60_000

let nowMs: number
let order: FairOrder
let handles: number
beforeEach(() => {
  nowMs = 1000
  handles = 0
  order = new FairOrder(() => nowMs)
})

const of = (group?: string): Grouped => (group === undefined ? {} : { messageGroupId: group })
const send = (...groups: (string | undefined)[]): Grouped[] =>
  groups.map((group) => {
    order.sent(of(group))
    return of(group)
  })
/** Receives as many messages of the group; resolves their handles. */
function take(group: string | undefined, count = 1): string[] {
  return Array.from({ length: count }, () => {
    const handle = `handle-${handles++}`
    order.received(handle, of(group))
    return handle
  })
}
const next = (waiting: Grouped[]) => waiting[order.next(waiting)]!.messageGroupId

describe('the order of a queue', () => {
  test('is that of sending while nobody is noisy', () => {
    expect(next(send('b', 'a', undefined))).toBe('b')
  })

  test('puts a group that took the consumers’ time behind quiet ones and those without a group', () => {
    take('a', 2)
    nowMs += minute
    expect(next(send('a', 'a', 'b', undefined))).toBe('b')
    expect(next(send('a', 'a', undefined, 'b'))).toBeUndefined()
  })

  test('gives a noisy group all there is when nobody else waits', () => {
    take('a', 40)
    nowMs += minute
    expect(next(send('a', 'a'))).toBe('a')
  })

  test('serves the noisy group with fewest in flight first', () => {
    take('a', 3)
    take('b', 2)
    take('c', 4)
    nowMs += minute
    expect(next(send('a', 'c', 'b', 'b'))).toBe('b')
  })
})

describe('a group is noisy', () => {
  test('with more than a tenth of the time, however few messages that was', () => {
    take('other', 9)
    const [handle] = take('a')
    nowMs += minute
    expect(next(send('a', 'b'))).toBe('a')
    nowMs += 1
    for (const held of Array.from({ length: 9 }, (_, n) => `handle-${n}`)) order.letGo(held)
    nowMs += minute
    order.letGo(handle!)
    expect(next(send('a', 'b'))).toBe('b')
  })

  test('with thirty in flight that are more than a tenth, before they have taken any time', () => {
    take('a', 29)
    expect(next(send('a', 'b'))).toBe('a')
    take('a')
    expect(next(send('a', 'b'))).toBe('b')
    take(undefined, 270)
    expect(next(send('a', 'b'))).toBe('a')
  })
})

describe('a noisy group is quiet again', () => {
  beforeEach(() => {
    const [handle] = take('a')
    nowMs += minute
    order.letGo(handle!)
    expect(next(send('a', 'b'))).toBe('b')
  })

  test('when its backlog is drained', () => {
    order.drained(of('a'))
    expect(next(send('a', 'b'))).toBe('a')
  })

  test('when it has sent nothing for five minutes, whatever still waits', () => {
    take('a', 50)
    const waiting = send('a', 'b')
    nowMs += 5 * minute - 1
    expect(next(waiting)).toBe('b')
    nowMs += 1
    expect(next(waiting)).toBe('a')
    send('a')
    expect(next(waiting)).toBe('b')
  })

  test('when what it took was long ago', () => {
    nowMs += 4 * minute
    expect(next(send('a', 'b'))).toBe('b')
    nowMs += minute
    expect(next(send('a', 'b'))).toBe('a')
  })
})
