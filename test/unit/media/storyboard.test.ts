import { describe, expect, test } from '@jest/globals'
import { planGrid } from '../../../worker/chunk/grid.ts'
import { outputRate, planLadder } from '../../../worker/media/ladder.ts'
import { defaultProfile } from '../../../worker/media/profile.ts'
import { storyboardCues, storyboardPlan } from '../../../worker/media/storyboard.ts'
import type { Rational } from '../../../worker/media/timeline.ts'
import { factsOf } from './facts.ts'

function planFor(rate: Rational, seconds: number, chunkSeconds = 120, index = 0) {
  const facts = factsOf({ rate }, { seconds })
  const grid = planGrid({ rate: outputRate(facts, defaultProfile), seconds, segmentSeconds: 6, chunkSeconds })
  const chunk = grid.chunks[index]!
  return {
    chunk,
    plan: storyboardPlan({ ladder: planLadder(facts, defaultProfile), grid, chunk, profile: defaultProfile }),
  }
}

describe('the storyboard of a chunk', () => {
  test('of two minutes is one sheet of twelve pictures', () => {
    const { plan } = planFor({ num: 25, den: 1 }, 600)
    expect(plan).toMatchObject({
      seconds: 10,
      columns: 4,
      rows: 3,
      width: 192,
      height: 108,
      everyFrames: 250,
    })
    expect(storyboardCues(plan, 0, 120)).toHaveLength(1)
  })

  test('counts the pictures that its rendition has', () => {
    const { plan } = planFor({ num: 60, den: 1 }, 600)
    // The smallest rung has 30 of the 60.
    expect(plan).toMatchObject({ everyFrames: 300, seconds: 10 })
  })

  test.each([
    [{ num: 25, den: 1 }, 245.3],
    [{ num: 30_000, den: 1001 }, 361.1],
    [{ num: 8797, den: 1000 }, 5.2],
    [{ num: 1, den: 1 }, 3000],
    [{ num: 25, den: 1 }, 0.2],
  ])('at %j for %d s has cues without a gap, on sheets with room for them', (rate, seconds) => {
    const grid = planGrid({ rate, seconds, segmentSeconds: 6, chunkSeconds: 120 })
    let end = 0
    grid.chunks.forEach((chunk, index) => {
      const { plan } = planFor(rate, seconds, 120, index)
      const length = chunk.last
        ? seconds - chunk.startSeconds
        : grid.chunks[index + 1]!.startSeconds - chunk.startSeconds
      for (const { sheet, cues } of storyboardCues(plan, chunk.startSeconds, length)) {
        expect(sheet).toMatch(/^storyboard-\d{5}-\d{3}\.jpg$/)
        expect(cues.length).toBeLessThanOrEqual(plan.columns * plan.rows)
        for (const cue of cues) {
          expect(cue.start).toBeCloseTo(end, 6)
          expect(cue.end).toBeGreaterThan(cue.start)
          end = cue.end
        }
      }
    })
    expect(end).toBeCloseTo(seconds, 6)
  })

  test('of a video that is one chunk of an hour goes over several sheets', () => {
    const { plan } = planFor({ num: 25, den: 1 }, 3600, Number.POSITIVE_INFINITY)
    expect(plan.rows).toBe(8)
    const sheets = storyboardCues(plan, 0, 3600)
    expect(sheets.map(({ cues }) => cues.length)).toEqual([...Array(11).fill(32), 8])
    expect(sheets.at(-1)!.sheet).toBe('storyboard-00000-011.jpg')
  })
})
