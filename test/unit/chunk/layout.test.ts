import { expect, test } from '@jest/globals'
import { isMuxed, soundFrameAt, soundRenditions } from '../../../worker/chunk/layout.ts'
import { academyProfile, defaultProfile } from '../../../worker/media/profile.ts'
import { factsOf } from '../media/facts.ts'

test('sound is a rendition of its own, or in the segments of the pictures', () => {
  const facts = factsOf()
  expect(soundRenditions({ facts, profile: defaultProfile })).toHaveLength(1)
  expect(soundRenditions({ facts, profile: academyProfile })).toEqual([])
  expect(isMuxed({ facts, profile: defaultProfile })).toBe(false)
  expect(isMuxed({ facts, profile: academyProfile })).toBe(true)
})

test('frames of sound are counted from the start of the video, none twice and none left out', () => {
  const film = { rate: { num: 24_000, den: 1001 } }
  expect(soundFrameAt(0, film)).toBe(0)
  // 144 frames are 6.006 s, 281.53 frames of sound.
  expect(soundFrameAt(144, film)).toBe(282)
  // 16 s are 750 frames exactly, whatever division makes of it.
  for (const num of [24, 25, 30, 50, 60]) expect(soundFrameAt(16 * num, { rate: { num, den: 1 } })).toBe(750)
})
