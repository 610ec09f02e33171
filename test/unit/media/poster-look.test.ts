import { describe, expect, test } from '@jest/globals'
import {
  isLively,
  lightFilters,
  lookBytes,
  lookWidth,
  measureLook,
  scoreOf,
} from '../../../worker/media/poster-look.ts'
import { liveliestAt, searchArgs, searchRate } from '../../../worker/media/poster-search.ts'
import { factsOf } from './facts.ts'

const flat = (value: number) => Buffer.alloc(lookBytes, value)
/** From `low` on the left to `high` on the right. */
const slope = (low: number, high: number) =>
  Buffer.from(
    Array.from(flat(0), (_, at) => Math.round(low + ((high - low) * (at % lookWidth)) / (lookWidth - 1))),
  )

describe('a picture that may become the poster', () => {
  test('is lively when it is neither dark nor flat', () => {
    expect(isLively(measureLook(slope(20, 200)))).toBe(true)
    expect(isLively(measureLook(slope(0, 30)))).toBe(false)
    expect(isLively(measureLook(flat(180)))).toBe(false)
  })

  test('that shows something is better than one that is bright alone, and that than a black one', () => {
    const scores = [flat(0), flat(10), flat(128), slope(0, 40), slope(60, 190)].map((luma) =>
      scoreOf(measureLook(luma)),
    )
    expect(scores).toEqual(scores.toSorted((a, b) => a - b))
  })

  test('is lit up as little as it needs', () => {
    expect(lightFilters(measureLook(flat(0)))).toEqual([
      "lutyuv=y='16+219*(0.2510+0.7490*pow(clip((val-16)/219,0,1),0.45))'",
      'vignette=angle=PI/5',
    ])
    expect(lightFilters(measureLook(flat(180)))).toEqual(['vignette=angle=PI/5'])
    // What is there is enough: nothing is raised.
    expect(lightFilters(measureLook(slope(0, 50)))).toEqual([
      "lutyuv=y='16+219*(0.0000+1.0000*pow(clip((val-16)/219,0,1),0.55))'",
    ])
    expect(lightFilters(measureLook(slope(0, 6)))[0]).toMatch(/\(0\.[01]\d+\+.*,0.45\)/)
  })
})

describe('the search through the whole video', () => {
  test('looks at each picture of a short one, at some of a long one, of which it decodes key frames alone', () => {
    const short = factsOf({}, { seconds: 10 })
    expect(searchRate(short)).toEqual({ num: 25, den: 1 })
    const long = factsOf({}, { seconds: 6000 })
    expect(searchRate(long)).toEqual({ num: 1, den: 20 })
    const args = (facts: typeof short) => searchArgs({ url: 'http://a', facts, threads: 1, maxPixels: 1000 })
    expect(args(short)).not.toContain('-skip_frame')
    expect(args(long).join(' ')).toMatch(/-skip_frame nokey .*-i http:/)
  })

  test('finds where most is shown', () => {
    const looks = [flat(0), slope(0, 20), slope(10, 160), flat(90)]
    expect(liveliestAt(Buffer.concat(looks), { num: 1, den: 20 })).toBe(40)
    expect(liveliestAt(Buffer.alloc(lookBytes - 1), { num: 1, den: 20 })).toBeUndefined()
  })
})
