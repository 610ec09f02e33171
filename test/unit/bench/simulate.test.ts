import { describe, expect, test } from '@jest/globals'
import { type FleetTimes, formula, simulate, speedUp, withSlopes } from '../../bench/simulate.ts'

/** Numbers that add up in the head: a chunk of 100 s takes 101 s, an hour of sound 37 s. */
const times: FleetTimes = {
  ...{ parts: 10, plan: 3, part: 1, chunkRate: 1, audioRate: 0.01, join: 2 },
  ...{ planPerPart: 0, joinPerPart: 0 },
}
const hour = { seconds: 3600, chunkSeconds: 100 }

describe('simulate', () => {
  test('one worker does everything, one after the other', () => {
    expect(simulate(times, { ...hour, workers: 1 })).toBeCloseTo(3 + 36 * 101 + 37 + 2)
  })

  test('two workers halve what is in the queue; the sound is one part more', () => {
    expect(simulate(times, { ...hour, workers: 2 })).toBeCloseTo(3 + 18 * 101 + 37 + 2)
  })

  test('a worker too many does nothing, and one chunk is the least', () => {
    const wide = simulate(times, { ...hour, workers: 37 })
    expect(wide).toBeCloseTo(3 + 101 + 2)
    expect(simulate(times, { ...hour, workers: 200 })).toBeCloseTo(wide)
  })

  test('the sound is the least when it takes longer than a chunk', () => {
    const slow = { ...times, audioRate: 0.1 }
    expect(simulate(slow, { ...hour, workers: 100 })).toBeCloseTo(3 + 361 + 2)
  })

  test('sound that is sent first runs beside the chunks, and last behind them', () => {
    const slow = { ...times, audioRate: 0.05 }
    const fleet = { ...hour, workers: 20 }
    // Of 36 chunks 20 and then 16: a worker is left for the sound after the first round, or from the start.
    expect(simulate(slow, { ...fleet, audioLast: true })).toBeCloseTo(3 + 101 + 181 + 2)
    expect(simulate(slow, fleet)).toBeCloseTo(3 + 2 * 101 + 2)
  })

  test('the last chunk is as long as what is left', () => {
    expect(simulate(times, { seconds: 250, chunkSeconds: 100, workers: 1 })).toBeCloseTo(
      3 + 2 * 101 + 51 + 3.5 + 2,
    )
  })

  test('a longer list of parts takes longer to send and to join', () => {
    const growing = { ...times, planPerPart: 0.1, joinPerPart: 0.2 }
    const fleet = { ...hour, workers: 5 }
    expect(simulate(growing, fleet) - simulate(times, fleet)).toBeCloseTo((37 - 10) * 0.3)
  })
})

describe('formula', () => {
  const fleets = [1, 2, 3, 7, 20, 35, 36, 37, 200].flatMap((workers) =>
    [0.001, 0.01, 0.05, 0.2].map((audioRate) => ({ workers, audioRate })),
  )
  test.each(fleets)('$workers workers, sound at $audioRate: as simulated', ({ workers, audioRate }) => {
    const fleet = { ...hour, workers }
    expect(formula({ ...times, audioRate }, fleet)).toBeCloseTo(simulate({ ...times, audioRate }, fleet))
  })

  test('takes a short last chunk for a whole one', () => {
    const fleet = { seconds: 250, chunkSeconds: 100, workers: 3 }
    expect(formula(times, fleet)).toBeGreaterThanOrEqual(simulate(times, fleet))
  })
})

test('speedUp is the time of one worker to that of all', () => {
  expect(speedUp(times, { ...hour, workers: 1 })).toBe(1)
  const six = speedUp(times, { ...hour, workers: 6 })
  expect(six).toBeGreaterThan(5.5)
  expect(six).toBeLessThan(6)
})

test('withSlopes tells what a part adds, and nothing when the longer list was quicker', () => {
  const few = { ...times, parts: 11, plan: 1, join: 1 }
  const many = { ...times, parts: 151, plan: 0.9, join: 3.8 }
  expect(withSlopes(times, few, many)).toMatchObject({ plan: 3, planPerPart: 0, join: 2, joinPerPart: 0.02 })
})
