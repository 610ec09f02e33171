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
    { name: '360p', everyNth: 1, width: 640, height: 360 },
    { name: '360p-hevc', everyNth: 1, width: 640, height: 360, codec: 'hevc' },
  ],
} as unknown as Plan
const check = segmentCheck(plan, { index: 0, firstSegment: 0 } as Chunk)
const parameters = Buffer.from([1, 100, 0, 40, 0xff, 0xe0, 0]).toString('base64')

const init = {
  ...{ timescale: 12_800, configuration: parameters, codec: 'avc1.640028' },
  ...{ width: 640, height: 360 },
}

/** unit: the first byte of the one unit of its first picture. */
const segment = (number: number, seconds: number, unit = 0x65, changes: object = {}) =>
  ({
    ...{ number, init: { ...init, ...changes }, data: Buffer.from([0, 0, 0, 1, unit]) },
    facts: {
      ...{ baseDecodeTime: number * 25_600, samples: 50, startsWithKeyframe: true },
      ...{ seconds, pictures: [{ offset: 0, length: 5, key: true }] },
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

test('copied pictures are all there, those of the last segment, too', () => {
  for (const number of [0, 2]) {
    const { facts, ...rest } = segment(number, 2)
    const one = { ...rest, facts: { ...facts, samples: 49 } }
    expect(() => check('480p', one)).toThrow(
      expect.objectContaining({ code: 'copy_refused', message: expect.stringMatching(/49 frames/) }),
    )
    expect(() => check('360p', one)).not.toThrow()
  }
})

const invalid = (message: RegExp) =>
  expect.objectContaining({ code: 'output_invalid', message: expect.stringMatching(message) })

test('what was encoded is of the codec and size that the plan says', () => {
  const hevc = { codec: 'hvc1.1.6.L63.90' }
  expect(() => check('360p-hevc', segment(0, 2, 0x26, hevc))).not.toThrow()
  expect(() => check('360p-hevc', segment(0, 2))).toThrow(invalid(/is avc1.640028, the plan says hvc1/))
  expect(() => check('360p', segment(0, 2, 0x26, hevc))).toThrow(invalid(/is hvc1.1.6.L63.90/))
  expect(() => check('360p', segment(0, 2, 0x65, { width: 480 }))).toThrow(invalid(/480x360, .* 640x360/))
})

test('a segment begins with a picture that leans on none before it, whatever its container says', () => {
  expect(() => check('360p', segment(0, 2, 0x41))).toThrow(invalid(/360p.seg-0 does not start with/))
  // A clean random access picture of HEVC may be followed by some that are shown before it.
  const open = segment(0, 2, 0x2a, { codec: 'hvc1.1.6.L63.90' })
  expect(() => check('360p-hevc', open)).toThrow(invalid(/does not start with/))
})
