import { expect, test } from '@jest/globals'
import type { Plan } from '../../../worker/chunk/ledger.ts'
import { segmentCheck } from '../../../worker/job/check.ts'
import type { Measured } from '../../../worker/job/collect.ts'
import type { Chunk } from '../../../worker/media/timeline.ts'

/** Three segments of two seconds, the pictures of the top rendition copied. */
const plan = {
  grid: {
    ...{ rate: { num: 25, den: 1 }, segmentFrames: 50, totalFrames: 150 },
    cuts: { segments: [0, 50, 100], keys: [0, 50, 100] },
  },
  ladder: [
    { name: '480p', copied: true, everyNth: 1 },
    { name: '360p', everyNth: 1 },
  ],
} as unknown as Plan
const check = segmentCheck(plan, { index: 0, firstSegment: 0 } as Chunk)
const parameters = Buffer.from([1, 100, 0, 40, 0xff, 0xe0, 0]).toString('base64')

const segment = (number: number, seconds: number) =>
  ({
    ...{ number, init: { timescale: 12_800, configuration: parameters }, data: Buffer.alloc(0) },
    facts: {
      ...{ baseDecodeTime: number * 25_600, samples: 50, startsWithKeyframe: true },
      ...{ seconds, pictures: [] },
    },
  }) as unknown as Measured

test('copied pictures that last longer than their places are refused with their first segment', () => {
  expect(() => check('480p', segment(0, 2))).not.toThrow()
  for (const seconds of [2.01, 1.96])
    expect(() => check('480p', segment(1, seconds))).toThrow(
      expect.objectContaining({ code: 'copy_refused' }),
    )
  // The end of the last picture is a guess of ffmpeg's.
  expect(() => check('480p', segment(2, 1.96))).not.toThrow()
  // Encoded ones are judged where chunks are joined.
  expect(() => check('360p', segment(1, 2.01))).not.toThrow()
})
