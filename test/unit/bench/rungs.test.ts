import { describe, expect, test } from '@jest/globals'
import { beside, compareLikeness, framesOff } from '../../bench/rungs.ts'

describe('framesOff', () => {
  test('is 0 for the same times', () => expect(framesOff(['0.0', '0.1'], ['0.0', '0.1'])).toBe(0))
  test('counts what is missing, more, or elsewhen', () => {
    expect(framesOff(['0.0'], ['0.0', '0.1'])).toBe(1)
    expect(framesOff(['0.0', '0.1', '0.2'], ['0.0'])).toBe(2)
    expect(framesOff(['0.0', '0.2'], ['0.0', '0.1'])).toBe(1)
  })
})

describe('compareLikeness', () => {
  const seam = 100
  const flat = (picture = -1, value = 1) =>
    Array.from({ length: 200 }, (_, at) => (at === picture ? value : 0.75))

  test('two that are alike differ nowhere', () => {
    expect(compareLikeness(flat(), flat(), [seam])).toEqual({
      ...{ likenessOff: 0, worstDrop: 0, worstDropElsewhere: 0, worstBelow: 0, worstBelowInOneGo: 0 },
    })
  })

  test.each([seam - beside, seam, seam + beside - 1])('a worse picture %i is beside the seam', (picture) => {
    const found = compareLikeness(flat(picture, 0.5), flat(), [seam])
    expect(found.worstDrop).toBeCloseTo(0.25)
    expect(found.worstBelow).toBeCloseTo(0.24875)
    expect(found).toMatchObject({ worstDropElsewhere: 0, worstBelowInOneGo: 0 })
    expect(found.likenessOff).toBeCloseTo(0.00125)
  })

  test.each([seam - beside - 1, seam + beside])('a worse picture %i is not', (picture) => {
    const found = compareLikeness(flat(picture, 0.5), flat(), [seam])
    expect(found.worstDrop).toBe(0)
    expect(found.worstDropElsewhere).toBeCloseTo(0.25)
  })

  test('a picture that is worse in one go too is no drop', () => {
    const found = compareLikeness(flat(seam, 0.5), flat(seam, 0.5), [seam])
    expect(found).toMatchObject({ worstDrop: 0, likenessOff: 0 })
    expect(found.worstBelowInOneGo).toBeCloseTo(0.24875)
  })
})
