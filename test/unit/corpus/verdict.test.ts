import { describe, expect, test } from '@jest/globals'
import type { Entry, Want } from '../../corpus/manifest.ts'
import { type Ended, judge, type Measured, sizeFits } from '../../corpus/verdict.ts'

const want: Want = {
  displaySize: '1280x720',
  seconds: 10,
  audio: true,
  frames: 250,
  pairs: 3,
  alike: 28,
  rate: 25,
}
const entry: Entry = {
  ...{ file: 'a.mp4', uploadName: 'a.mp4', expect: 'ok', want, variableRate: false, evil: false },
}
const measured: Measured = { width: 1280, height: 720, rate: 25, frames: 250, seconds: 10, audio: true }
const ended: Ended = {
  ...{ verdict: 'ok', seconds: 5, boundSeconds: 60, peakMb: 100, limitMb: 8192, leaks: [], measured },
}

test('a file that came out as wanted is right, and everything was looked at', () => {
  expect(judge(entry, ended)).toEqual({ right: true, checks: 8, problems: [] })
})

describe('is wrong', () => {
  const cases: [string, Partial<Ended>, RegExp][] = [
    ['a refusal of what must be packaged', { verdict: 'reject' }, /ended as reject/],
    ['a failure', { verdict: 'failed' }, /ended as failed/],
    ['taking too long', { seconds: 61 }, /took 61 s of 60/],
    ['taking too much memory', { peakMb: 9000 }, /took 9000 MB/],
    ['another size', { measured: { ...measured, width: 960 } }, /is 960x720, wanted 1280x720/],
    ['lost sound', { measured: { ...measured, audio: false } }, /has no sound/],
    ['half the length', { measured: { ...measured, seconds: 5, frames: 125 } }, /lasts 5.000 s, wanted 10/],
    ['a slower pace', { measured: { ...measured, rate: 12.5, frames: 125 } }, /has 12.50 pictures a second/],
    ['lost pictures', { measured: { ...measured, frames: 240 } }, /has 240 pictures .* wanted 250/],
    [
      'beeps away from their flashes',
      { measured: { ...measured, offsets: [0.01, 0.09, 0] } },
      /10, 90, 0 ms, wanted 3/,
    ],
    ['lost beeps', { measured: { ...measured, offsets: [0.01, 0] } }, /wanted 3 in step/],
    [
      'a picture that is not the source’s at its time',
      { measured: { ...measured, leastDb: 19.7 } },
      /19.7 dB .* wanted 28/,
    ],
    ['an output that nobody can read', { measured: { problem: 'no pictures' } }, /no pictures/],
  ]
  test.each(cases)('%s', (_, changes, problem) => {
    const judged = judge(entry, { ...ended, ...changes })
    expect(judged.right).toBe(false)
    expect(judged.problems.join('\n')).toMatch(problem)
  })

  test('reading a canary, of a hostile file', () => {
    const refused: Ended = { ...ended, verdict: 'reject', leaks: ['somebody read secret.txt'] }
    const evil: Entry = { ...entry, evil: true, expect: 'reject' }
    expect(judge(evil, refused).problems).toEqual(['somebody read secret.txt'])
    expect(judge(evil, { ...refused, leaks: [] }).right).toBe(true)
  })

  test('neither end, where either is allowed', () => {
    const either: Entry = { ...entry, expect: 'either', want: {} }
    const ends = (['ok', 'reject', 'failed', 'timeout'] as const).map((verdict) => {
      return judge(either, { ...ended, verdict }).right
    })
    expect(ends).toEqual([true, true, false, false])
  })
})

describe('the number of pictures', () => {
  const right = (changes: Partial<Entry>, found: Partial<Measured>) =>
    judge({ ...entry, ...changes }, { ...ended, measured: { ...measured, ...found } }).right

  test('is that of the grid when the source’s rate is variable', () => {
    expect(right({ variableRate: true, want: { ...want, frames: 113 } }, { frames: 251 })).toBe(true)
    expect(right({ variableRate: true, want: { ...want, frames: 113 } }, { frames: 113 })).toBe(false)
  })

  test('is that of the output’s rate when that is lower', () => {
    const fast = { want: { ...want, frames: 2400, rate: 60 } }
    expect(right(fast, { rate: 60, frames: 600 })).toBe(true)
    expect(right(fast, { rate: 60, frames: 590 })).toBe(false)
  })
})

test.each([
  ['161x121', 160, 120, true],
  ['1366x768', 1366, 768, true],
  ['1080x1920', 1920, 1080, false],
  ['3840x2160', 1920, 1080, true],
  ['3840x2160', 1440, 1080, false],
  ['640x360', 1280, 720, false],
  ['640x360', 639, 360, false],
])('%s as %ix%i: %s', (size, width, height, fits) => {
  expect(sizeFits(size, { width, height })).toBe(fits)
})
