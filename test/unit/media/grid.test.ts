import { describe, expect, test } from '@jest/globals'
import { planGrid } from '../../../worker/chunk/grid.ts'
import { framesToSeconds, type Grid, type Rational } from '../../../worker/media/timeline.ts'

const request = {
  rate: { num: 25, den: 1 },
  seconds: 600,
  segmentSeconds: 6,
  chunkSeconds: 120,
}

describe('the grid of usual sources', () => {
  test.each([
    ['25', { num: 25, den: 1 }, 50, 150],
    ['23.976', { num: 24_000, den: 1001 }, 48, 144],
    ['29.97', { num: 30_000, den: 1001 }, 60, 180],
    ['60', { num: 60, den: 1 }, 120, 360],
    ['50', { num: 50, den: 1 }, 100, 300],
    ['15', { num: 15, den: 1 }, 30, 90],
    ['1', { num: 1, den: 1 }, 2, 6],
    ['0.1', { num: 1, den: 10 }, 1, 2],
    ['0.05', { num: 1, den: 20 }, 1, 1],
  ])('%s pictures a second', (_, rate, keyFrames, segmentFrames) => {
    expect(planGrid({ ...request, rate })).toMatchObject({ keyFrames, segmentFrames })
  })

  test('ten minutes are five chunks of twenty segments', () => {
    const grid = planGrid(request)
    expect(grid.chunks).toHaveLength(5)
    expect(grid.chunks[1]).toEqual({
      index: 1,
      firstFrame: 3000,
      frames: 3000,
      firstSegment: 20,
      segments: 20,
      startSeconds: 120,
      last: false,
    })
  })

  test('a rest shorter than a segment joins the chunk before it', () => {
    const { chunks } = planGrid({ ...request, seconds: 245.9 })
    expect(chunks).toHaveLength(2)
    expect(chunks.at(-1)).toMatchObject({ frames: 3148, segments: 21, last: true })
  })

  test('a rest of a whole segment is a chunk of its own', () => {
    expect(planGrid({ ...request, seconds: 246 }).chunks).toHaveLength(3)
  })

  test('a source that cannot be sought is one chunk', () => {
    const { chunks } = planGrid({ ...request, chunkSeconds: Number.POSITIVE_INFINITY })
    expect(chunks).toHaveLength(1)
    expect(chunks[0]).toMatchObject({ frames: 15_000, segments: 100, last: true })
  })

  test('a fifth of a second is one chunk of one segment', () => {
    expect(planGrid({ ...request, seconds: 0.2 }).chunks).toEqual([
      expect.objectContaining({ firstFrame: 0, frames: 5, segments: 1, last: true }),
    ])
  })

  test('numbers that no source has are refused', () => {
    expect(() => planGrid({ ...request, seconds: 0 })).toThrow(/seconds above 0/)
    expect(() => planGrid({ ...request, rate: { num: Number.NaN, den: 1 } })).toThrow(/perSecond above 0/)
  })
})

describe('any source', () => {
  const random = generator(20_261_121)
  const rates: Rational[] = [
    ...[24_000, 30_000, 60_000, 15_000, 48_000].map((num) => ({ num, den: 1001 })),
    ...[1, 5, 7, 10, 12, 24, 25, 30, 48, 50, 60].map((num) => ({ num, den: 1 })),
    { num: 8797, den: 1000 },
    { num: 989, den: 33 },
    { num: 1, den: 7 },
  ]
  const sources = Array.from({ length: 4000 }, () => ({
    rate: rates[Math.floor(random() * rates.length)]!,
    seconds: 0.01 + random() ** 4 * 20_000,
    segmentSeconds: [2, 4, 6, 10][Math.floor(random() * 4)]!,
    chunkSeconds: [6, 30, 60, 120, 600, Number.POSITIVE_INFINITY][Math.floor(random() * 6)]!,
  }))

  test('loses no frame and has none twice', () => {
    expectOfAll(({ chunks, totalFrames }, { rate, seconds }) => {
      const ends = chunks.map(({ firstFrame, frames }) => firstFrame + frames)
      return (
        chunks.every(({ firstFrame, frames }, n) => firstFrame === (ends[n - 1] ?? 0) && frames > 0) &&
        ends.at(-1) === totalFrames &&
        Math.abs(framesToSeconds(totalFrames, rate) - seconds) <= framesToSeconds(1, rate)
      )
    })
  })

  test('is cut at whole segments, numbered without a hole', () => {
    expectOfAll(({ chunks, segmentFrames }) =>
      chunks.every(
        (chunk, n) =>
          chunk.index === n &&
          chunk.last === (n === chunks.length - 1) &&
          chunk.firstFrame === chunk.firstSegment * segmentFrames &&
          (chunk.last || chunk.frames === chunk.segments * segmentFrames) &&
          (chunk.last || chunks[n + 1]!.firstSegment === chunk.firstSegment + chunk.segments),
      ),
    )
  })

  test('has key frames at most about two seconds apart, in every segment at its start', () => {
    expectOfAll(({ keyFrames, segmentFrames, rate }) => {
      const frame = framesToSeconds(1, rate)
      const close = frame > 2 || framesToSeconds(keyFrames, rate) <= 2 + frame + 1e-9
      return segmentFrames % keyFrames === 0 && close
    })
  })

  test('has an even grid where low rungs get half of the pictures', () => {
    expectOfAll(({ keyFrames, rate }) => rate.num / rate.den <= 30 || keyFrames % 2 === 0)
  })

  /** One expectation for thousands of grids: those that break the rule, of which there are none. */
  function expectOfAll(holds: (grid: Grid, source: (typeof sources)[number]) => boolean): void {
    expect(sources.filter((source) => !holds(planGrid(source), source))).toEqual([])
  }

  test('gives the same grid twice', () => {
    for (const source of sources.slice(0, 50)) expect(planGrid(source)).toEqual(planGrid({ ...source }))
  })
})

/** mulberry32: the same numbers in every run. */
function generator(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
