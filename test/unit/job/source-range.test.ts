import { describe, expect, test } from '@jest/globals'
import { parseRange } from '../../../worker/job/source-range.ts'

describe('the Range header of a request for a source of 1000 bytes', () => {
  test.each([
    [undefined, 'whole'],
    ['bytes=0-', { start: 0, end: 999 }],
    ['bytes=10-19', { start: 10, end: 19 }],
    ['bytes=990-', { start: 990, end: 999 }],
    ['bytes=990-5000', { start: 990, end: 999 }],
    ['bytes=-10', { start: 990, end: 999 }],
    ['bytes=-5000', { start: 0, end: 999 }],
    ['bytes=999-999', { start: 999, end: 999 }],
  ])('%s asks for %j', (header, expected) => {
    expect(parseRange(header, 1000)).toEqual(expected)
  })

  test.each(['bytes=1000-', 'bytes=1000-2000', 'bytes=-0'])('%s begins behind the end', (header) => {
    expect(parseRange(header, 1000)).toBe('unsatisfiable')
  })

  test.each(['bytes=-', 'bytes=20-10', 'bytes=0-1,5-6', 'items=0-1', 'bytes=a-b', ''])(
    '%j is ignored, as the standard allows',
    (header) => {
      expect(parseRange(header, 1000)).toBe('whole')
    },
  )

  test('an empty source has no range at all', () => {
    expect(parseRange('bytes=0-', 0)).toBe('unsatisfiable')
    expect(parseRange('bytes=-10', 0)).toBe('unsatisfiable')
  })
})
