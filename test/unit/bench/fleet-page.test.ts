import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { factsOf, fleetPage, fleetPlot, formulaRange } from '../../bench/fleet-page.ts'
import { drawPlot } from '../../bench/plot.ts'
import { root } from '../house/sources.ts'

const read = (name: string) => readFileSync(join(root, 'docs', name), 'utf8')

describe('docs/fleet-speed', () => {
  const facts = factsOf(read('fleet-speed.md'))

  test('is what the benchmark wrote from the facts in it', () => {
    expect(fleetPage(facts)).toBe(read('fleet-speed.md'))
    expect(fleetPlot(facts.times)).toBe(read('fleet-speed.svg'))
  })

  test('does not claim a closed form that is off the simulation', () => {
    const { lowest, highest } = formulaRange(facts.times)
    expect(lowest).toBeGreaterThan(0.99)
    expect(highest).toBeLessThan(1.01)
  })
})

describe('drawPlot', () => {
  const svg = drawPlot({
    ...{ title: 'a < b', xLabel: 'x', yLabel: 'y', xTicks: [1, 10, 100], yTicks: [1, 100] },
    series: [
      {
        name: 'one',
        color: '#fff',
        points: [
          [1, 1],
          [10, 10],
          [100, 100],
        ],
      },
    ],
  })

  test('puts tenfold values at equal distances', () => {
    const [first, middle, last] = /points="([^"]+)"/
      .exec(svg)![1]!
      .split(' ')
      .map((point) => point.split(',').map(Number) as [number, number])
    expect(middle![0] - first![0]).toBeCloseTo(last![0] - middle![0], 0)
    expect(first![1] - middle![1]).toBeCloseTo(middle![1] - last![1], 0)
    expect(last![1]).toBeLessThan(first![1])
  })

  test('draws on a card of its own, and escapes what it is told', () => {
    expect(svg).toMatch(/<rect width="720" height="460" rx="10" fill="#0d1117"\/>/)
    expect(svg).toContain('a &lt; b')
    expect(svg).not.toContain('a < b')
  })

  test('names every series and every tick', () => {
    for (const word of ['one', 'x', 'y', '10', '100']) expect(svg).toContain(`>${word}</text>`)
  })
})
