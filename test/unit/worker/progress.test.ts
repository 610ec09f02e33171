import { describe, expect, test } from '@jest/globals'
import { createEstimate, createProgressBar, type StepName } from '../../../worker/job/progress.ts'

describe('the progress bar', () => {
  test('has the product’s steps at the product’s percents', () => {
    const seen: [StepName, number, number][] = []
    const bar = createProgressBar()
    const steps = [
      'presigning',
      'downloading',
      'probing',
      'transcoding',
      'validating',
      'thumbnail',
      'uploading',
      'done',
    ] as const
    for (const step of steps) {
      const value = bar.move(step)
      seen.push([value.step, value.step_index, value.percent])
    }
    expect(seen).toEqual([
      ['presigning', 1, 5],
      ['downloading', 2, 15],
      ['probing', 3, 25],
      ['transcoding', 4, 50],
      ['validating', 5, 85],
      ['thumbnail', 6, 90],
      ['uploading', 7, 95],
      ['done', 7, 100],
    ])
  })

  test('moves from 50 to 85 while transcoding', () => {
    const bar = createProgressBar()
    expect(bar.move('transcoding', 0.5, 12.4)).toMatchObject({
      percent: 67,
      step_percent: 50,
      remaining_seconds: 12,
    })
    expect(bar.move('transcoding', 1)).toMatchObject({
      percent: 85,
      step_percent: 100,
      remaining_seconds: null,
    })
  })

  test('never goes back, whatever a header promised', () => {
    const bar = createProgressBar()
    const percents = [0.1, 0.6, 0.4, 7, -3, Number.NaN, 0.9].map(
      (part) => bar.move('transcoding', part).percent,
    )
    expect(percents).toEqual([...percents].sort((a, b) => a - b))
    expect(bar.move('probing').percent).toBeGreaterThanOrEqual(percents.at(-1)!)
  })

  test('writes every field of the contract', () => {
    expect(Object.keys(createProgressBar().value).sort()).toEqual(
      [
        ...['percent', 'remaining_seconds', 'step', 'step_index', 'step_name', 'step_name_display'],
        ...['step_percent', 'step_total'],
      ].sort(),
    )
  })
})

describe('the remaining time', () => {
  test('is not told before ffmpeg’s speed is more than its start', () => {
    const estimate = createEstimate()
    expect(estimate({ encodedSeconds: 0.04, leftSeconds: 60, speed: 0.000_001 })).toBeUndefined()
    expect(estimate({ encodedSeconds: 2, leftSeconds: 60, speed: 0 })).toBeUndefined()
    expect(estimate({ encodedSeconds: 2, leftSeconds: 60, speed: 3 })).toBe(20)
  })

  test('goes on with the last speed while the next chunk starts', () => {
    const estimate = createEstimate()
    estimate({ encodedSeconds: 120, leftSeconds: 60, speed: 2 })
    expect(estimate({ encodedSeconds: 0.1, leftSeconds: 50, speed: 0.001 })).toBe(25)
  })
})
