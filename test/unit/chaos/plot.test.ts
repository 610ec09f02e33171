import { expect, test } from '@jest/globals'
import { soakPlot } from '../../chaos/plot.ts'
import { figure, type Sample } from '../../chaos/samples.ts'

const options = { jobs: 1, workers: 2, seconds: 600, seed: 1 }
const sample = (at: number, place: number, more: Partial<Sample> = {}): Sample => ({
  ...{ at, place, worker: 'w', memory: 80, handles: 30, delay: 0.02, slack: 20, ...more },
})
const linesOf = (svg: string) => [...svg.matchAll(/<polyline points="([^"]*)"/g)].map(([, points]) => points!)

test('the soak has four panels with a line for each worker', () => {
  const svg = soakPlot({ options, samples: [sample(10, 0), sample(300, 1), sample(599, 0)] })
  expect(svg.match(/<svg y="/g)).toHaveLength(4)
  expect(linesOf(svg)).toHaveLength(8)
  expect(linesOf(svg).map((points) => points.split(' ').length)).toEqual([2, 1, 2, 1, 2, 1, 2, 1])
})

test('the worst moment of a stretch of time is shown, and what a stopped worker says is not', () => {
  const calm = linesOf(soakPlot({ options, samples: [sample(10, 0, { slack: 3, delay: 0.5 })] }))
  const both = linesOf(
    soakPlot({
      options,
      samples: [
        sample(9, 0),
        sample(10, 0, { slack: 3, delay: 0.5 }),
        sample(11, 0, { slack: null, delay: null }),
      ],
    }),
  )
  expect(both).toEqual(calm)
})

test('a figure is read from a page of metrics by its whole name', () => {
  const page = '# TYPE lag gauge\nlag_max_seconds 0.25\nlag 0.1\nlag{of="x"} 7\n'
  expect([figure(page, 'lag'), figure(page, 'lag_max_seconds'), figure(page, 'max')]).toEqual([
    ...[0.1, 0.25, undefined],
  ])
})
