import { expect, test } from '@jest/globals'
import { planLadder } from '../../../worker/media/ladder.ts'
import { academyProfile } from '../../../worker/media/profile.ts'
import { factsOf } from './facts.ts'

test.each([
  ['full HD', [1920, 1080], ['v2 1280x720', 'v1 640x360']],
  ['portrait', [1080, 1920], ['v2 406x720', 'v1 202x360']],
  ['wide film', [1920, 800], ['v2 1280x534', 'v1 640x266']],
  ['between the boxes', [854, 480], ['v2 854x480', 'v1 640x360']],
  ['smaller than both', [321, 241], ['v2 320x240', 'v1 320x240']],
  ['tiny', [16, 16], ['v2 16x16', 'v1 16x16']],
] as const)('%s fills each box without being enlarged', (_what, [displayWidth, displayHeight], boxes) => {
  const ladder = planLadder(factsOf({ displayWidth, displayHeight }), academyProfile)
  expect(ladder.map(({ name, width, height }) => `${name} ${width}x${height}`)).toEqual(boxes)
})

test('the low box has half the pictures of a fast source', () => {
  const ladder = planLadder(factsOf({ rate: { num: 60, den: 1 } }), academyProfile)
  expect(ladder.map(({ everyNth }) => everyNth)).toEqual([1, 2])
})
