import { describe, expect, test } from '@jest/globals'
import { outputRate, planLadder } from '../../../worker/media/ladder.ts'
import { levelFor } from '../../../worker/media/levels.ts'
import { defaultProfile } from '../../../worker/media/profile.ts'
import { factsOf } from './facts.ts'

function sizes(displayWidth: number, displayHeight: number): string[] {
  const ladder = planLadder(factsOf({ displayWidth, displayHeight }), defaultProfile)
  return ladder.map(({ name, width, height }) => `${name} ${width}x${height}`)
}

describe('the ladder', () => {
  test.each([
    ['1080p', 1920, 1080, ['1080p 1920x1080', '720p 1280x720', '480p 854x480', '360p 640x360']],
    ['8K is brought down', 7680, 4320, ['1080p 1920x1080', '720p 1280x720', '480p 854x480', '360p 640x360']],
    [
      'portrait goes by its short side',
      1080,
      1920,
      ['1080p 1080x1920', '720p 720x1280', '480p 480x854', '360p 360x640'],
    ],
    ['between two rungs the source has its own', 1024, 576, ['576p 1024x576', '360p 640x360']],
    ['a rung close below the top is left out', 1366, 768, ['768p 1366x768', '480p 854x480', '360p 640x360']],
    ['one rung gets a second one', 640, 360, ['360p 640x360', '216p 384x216']],
    ['a tiny source stays alone', 320, 240, ['240p 320x240']],
    ['sixteen by sixteen', 16, 16, ['16p 16x16']],
    ['odd sizes are made even', 853, 481, ['480p 852x480', '360p 638x360']],
    ['odd and tiny', 161, 121, ['120p 160x120']],
    ['wide cinema', 1920, 804, ['804p 1920x804', '480p 1146x480', '360p 860x360']],
  ])('%s', (_, width, height, expected) => {
    expect(sizes(width, height)).toEqual(expected)
  })

  test('never enlarges, bends the shape by a pixel at most, keeps even sizes, for any size', () => {
    const wrong: string[] = []
    for (let width = 16; width < 4200; width += 37) {
      for (let height = 16; height < 2400; height += 41) {
        if (Math.max(width, height) > 20 * Math.min(width, height)) continue
        const ladder = planLadder(factsOf({ displayWidth: width, displayHeight: height }), defaultProfile)
        const fine = ladder.every((rung) => {
          const error = Math.abs(rung.width / rung.height / (width / height) - 1)
          return (
            (rung.width % 2) + (rung.height % 2) === 0 &&
            rung.width <= width &&
            rung.height <= height &&
            error < Math.max(0.01, 2 / Math.min(rung.width, rung.height))
          )
        })
        const names = new Set(ladder.map(({ name }) => name))
        if (!fine || names.size !== ladder.length) wrong.push(`${width}x${height}`)
      }
    }
    expect(wrong).toEqual([])
  })

  test('caps fall from rung to rung', () => {
    for (const [width, height] of [
      [1920, 1080],
      [1366, 768],
      [640, 360],
    ] as const) {
      const caps = planLadder(factsOf({ displayWidth: width, displayHeight: height }), defaultProfile).map(
        ({ maxrateKbps }) => maxrateKbps,
      )
      expect(caps).toEqual(caps.toSorted((a, b) => b - a))
      expect(Math.min(...caps)).toBeGreaterThanOrEqual(100)
    }
  })

  test('a picture longer than any film has bits for its length', () => {
    const capOf = (displayWidth: number, displayHeight: number) =>
      planLadder(factsOf({ displayWidth, displayHeight }), defaultProfile)[0]!.maxrateKbps
    expect([capOf(1920, 1080), capOf(2592, 1080)]).toEqual([6000, 6000])
    // Eight times as long as 2.5:1, by the power 0.75.
    expect(capOf(1280, 64)).toBe(476)
    expect(capOf(64, 1280)).toBe(476)
  })

  test('low rungs of fast sources get every other picture, the top one never', () => {
    const rate = { num: 60_000, den: 1001 }
    const ladder = planLadder(factsOf({ rate }), defaultProfile)
    expect(ladder.map(({ everyNth }) => everyNth)).toEqual([1, 1, 2, 2])
    expect(ladder.at(-1)!.rate).toEqual({ num: 30_000, den: 1001 })
    const small = planLadder(factsOf({ rate, displayWidth: 640, displayHeight: 360 }), defaultProfile)
    expect(small.map(({ everyNth }) => everyNth)).toEqual([1, 2])
  })
})

describe('the output rate', () => {
  test.each([
    [
      { num: 25, den: 1 },
      { num: 25, den: 1 },
    ],
    [
      { num: 60, den: 1 },
      { num: 60, den: 1 },
    ],
    [
      { num: 60_000, den: 1001 },
      { num: 60_000, den: 1001 },
    ],
    [
      { num: 240, den: 1 },
      { num: 60, den: 1 },
    ],
    [
      { num: 100, den: 1 },
      { num: 50, den: 1 },
    ],
    [
      { num: 120_000, den: 1001 },
      { num: 60_000, den: 1001 },
    ],
    [
      { num: 1, den: 1 },
      { num: 1, den: 1 },
    ],
  ])('of %j is %j', (rate, expected) => {
    expect(outputRate(factsOf({ rate }), defaultProfile)).toEqual(expected)
  })
})

describe('the level', () => {
  test.each([
    [1920, 1080, 25, '4.0'],
    [1920, 1080, 60, '4.2'],
    [1280, 720, 30, '3.1'],
    [1280, 720, 60, '3.2'],
    [640, 360, 60, '3.1'],
    [640, 360, 30, '3.0'],
    [16, 16, 25, '3.0'],
    [3840, 2160, 60, '5.2'],
  ])('of %dx%d at %d is %s', (width, height, num, level) => {
    expect(levelFor({ width, height }, { num, den: 1 })).toBe(level)
  })
})
