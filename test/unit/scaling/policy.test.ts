import { describe, expect, test } from '@jest/globals'
import { alarmOf, nextDesired, startFromZero } from '../../scaling/policy.ts'

const times = (count: number, value: number | undefined) => Array.from({ length: count }, () => value)
const settings = { target: 10, min: 0, max: 20, base: 'warmed' } as const
const group = (desired: number, warmed = desired) => ({ desired, warmed, warming: desired - warmed })

describe('an alarm', () => {
  test.each([
    [[11, 11, 11], 'high'],
    [[11, 11], 'ok'],
    [[9, 11, 11], 'ok'],
    [[11, 10, 11], 'ok'],
    [[11, undefined, 11], 'ok'],
    [[11, 11, undefined], 'insufficient data'],
    [times(15, 8.9), 'low'],
    [times(14, 8.9), 'ok'],
    [times(15, 9), 'ok'],
    [[...times(7, 1), undefined, ...times(7, 1)], 'ok'],
    [[], 'insufficient data'],
  ] as [(number | undefined)[], string][])('of %j is %s', (points, alarm) => {
    expect(alarmOf(points, 10)).toBe(alarm)
  })

  test('knows the newest points only', () => {
    expect(alarmOf([...times(100, 1), 11, 11, 11], 10)).toBe('high')
    expect(alarmOf([99, ...times(15, 0)], 10)).toBe('low')
  })
})

describe('the capacity', () => {
  test('grows until the metric would be at its target', () => {
    expect(nextDesired(times(3, 25), group(4), settings)).toBe(10)
    expect(nextDesired(times(3, 10.1), group(4), settings)).toBe(5)
    expect(nextDesired(times(3, 1000), group(4), settings)).toBe(20)
  })

  test('grows no more for what is warming already', () => {
    expect(nextDesired(times(3, 25), group(10, 4), settings)).toBe(10)
    expect(nextDesired(times(3, 25), group(10, 4), { ...settings, base: 'all' })).toBe(20)
  })

  test('shrinks in proportion after a quarter of an hour, and never while an instance warms', () => {
    expect(nextDesired(times(15, 4), group(10), settings)).toBe(4)
    expect(nextDesired(times(15, 0), group(10), settings)).toBe(0)
    expect(nextDesired(times(15, 0), group(10), { ...settings, min: 2 })).toBe(2)
    expect(nextDesired(times(14, 0), group(10), settings)).toBe(10)
    expect(nextDesired(times(15, 0), group(10, 9), settings)).toBe(10)
  })

  test('stays without data, and within its bounds', () => {
    expect(nextDesired([...times(20, 99), undefined], group(3), settings)).toBe(3)
    expect(nextDesired([...times(20, 0), undefined], group(3), settings)).toBe(3)
    expect(nextDesired([], group(0), { ...settings, min: 1 })).toBe(1)
    expect(nextDesired([], group(30), settings)).toBe(20)
  })

  test('is not had from a ratio to nothing: the first instances come from steps, at the first point', () => {
    expect(nextDesired(times(3, 99), group(0), settings)).toBe(0)
    const start = (value: number | undefined, desired = 0) => startFromZero(value, desired, settings)
    expect([1, 29, 30, 89, 90, 1e6].map((value) => start(value))).toEqual([1, 1, 3, 3, 9, 9])
    expect([start(0), start(undefined), start(99, 1)]).toEqual([0, 0, 0])
    expect(startFromZero(99, 0, { target: 10, max: 4 })).toBe(4)
  })
})
