import { describe, expect, test } from '@jest/globals'
import { planGrid } from '../../../worker/chunk/grid.ts'
import { planSourceGrid } from '../../../worker/chunk/source-grid.ts'
import type { Grid } from '../../../worker/media/timeline.ts'

const rate = { num: 30, den: 1 }
const gridOf = (keys: number[], totalFrames: number, { even = false, chunkSeconds = 120 } = {}) =>
  planSourceGrid({
    usual: planGrid({ rate, seconds: totalFrames / 30, segmentSeconds: 6, chunkSeconds }),
    keys: keys.map((frame) => ({ frame, decodeLead: frame })),
    ...{ totalFrames, even },
  })
const laid = (grid: Grid | string) => {
  if (typeof grid === 'string') throw new Error(grid)
  return { ...grid, cuts: grid.cuts! }
}
const every = (step: number, end: number) =>
  Array.from({ length: Math.ceil(end / step) }, (_, at) => at * step)

describe('a grid on the source’s own key frames', () => {
  test('is the usual one where they lie two seconds apart', () => {
    const grid = laid(gridOf(every(60, 3600), 3600))
    expect(grid.cuts.segments).toEqual(every(180, 3600))
    expect(grid.cuts.keys).toEqual(every(60, 3600))
    expect(grid.chunks).toHaveLength(1)
  })

  test('takes of many key frames those two seconds apart', () => {
    expect(laid(gridOf(every(15, 600), 600)).cuts.keys).toEqual(every(60, 600))
  })

  test('ends a segment at the last key frame within six seconds', () => {
    expect(laid(gridOf([0, 100, 170, 181, 300, 480], 500)).cuts.segments).toEqual([0, 170, 300, 480])
  })

  test('keeps a key frame inside of a segment although it comes late', () => {
    expect(laid(gridOf([0, 100, 180], 300)).cuts.keys).toEqual([0, 100, 180])
  })

  test('is none where they are further apart than a segment', () => {
    expect(gridOf([0, 250, 500], 700)).toBe('key frames lie up to 250 frames apart, a segment has 180')
    expect(gridOf([0], 700)).toBe('key frames lie up to 700 frames apart, a segment has 180')
  })

  test('is cut at even frames alone where rungs of half the rate hang on it', () => {
    expect(laid(gridOf([0, 91, 150, 181, 240], 300, { even: true })).cuts).toEqual({
      ...{ segments: [0, 150], keys: [0, 150, 240] },
    })
  })

  test('tells each chunk how long before its display its first picture is decoded', () => {
    const { chunks } = laid(gridOf(every(60, 3600), 3600, { chunkSeconds: 30 }))
    expect(chunks.map(({ firstFrame }) => firstFrame)).toEqual([0, 900, 1800, 2700])
    expect(chunks.map(({ decodeLead }) => decodeLead)).toEqual([0, 900, 1800, 2700])
  })

  test('two thousand invented sources: nothing lost, nothing twice, every cut at a key frame', () => {
    let seed = 7
    const random = (below: number) => {
      seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31
      return seed % below
    }
    let none = 0
    for (let source = 0; source < 2000; source++) {
      const [keys, longest] = [[0], 20 + random(140)]
      const totalFrames = 1 + random(20_000)
      while (keys.at(-1)! + longest < totalFrames) keys.push(keys.at(-1)! + 1 + random(longest))
      const even = random(2) === 0
      const grid = gridOf(keys, totalFrames, { even, chunkSeconds: 20 + random(200) })
      if (typeof grid === 'string') {
        none += 1
        continue
      }
      const { segments } = grid.cuts!
      const usable = new Set(keys.filter((key) => !even || key % 2 === 0))
      const ends = [...segments.slice(1), totalFrames]
      expect(segments[0]).toBe(0)
      expect(segments.every((first) => usable.has(first))).toBe(true)
      expect(
        segments.every((first, at) => ends[at]! > first && ends[at]! - first <= grid.segmentFrames),
      ).toBe(true)
      // A key frame of the encoded renditions is one of the source's, and each segment has one at its start.
      expect(grid.cuts!.keys.every((key) => usable.has(key))).toBe(true)
      expect(segments.every((first) => grid.cuts!.keys.includes(first))).toBe(true)
      let frame = 0
      let segment = 0
      for (const chunk of grid.chunks) {
        expect(chunk).toMatchObject({ firstFrame: frame, firstSegment: segment })
        expect(segments[segment]).toBe(frame)
        frame += chunk.frames
        segment += chunk.segments
      }
      expect([frame, segment]).toEqual([totalFrames, segments.length])
      expect(grid.chunks.map(({ last }) => last).indexOf(true)).toBe(grid.chunks.length - 1)
    }
    expect(none).toBeLessThan(1500)
  })
})
