import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from '@jest/globals'
import { factsOf } from '../../bench/fleet-page.ts'
import { scalingPage } from '../../scaling/page.ts'
import { scalingPlots } from '../../scaling/plots.ts'
import { bestTarget, defaults, type ScalingFacts, study } from '../../scaling/study.ts'
import { root } from '../house/sources.ts'

const read = (name: string) => readFileSync(join(root, 'docs', name), 'utf8')
let facts: ScalingFacts
beforeAll(() => {
  facts = study(factsOf(read('fleet-speed.md')).times)
})

test('docs/scaling-simulation.md and its plots are what `npm run scaling -- --docs` writes', () => {
  expect(scalingPage(facts)).toBe(read('scaling-simulation.md'))
  for (const [name, svg] of Object.entries(scalingPlots(facts)))
    expect({ name, svg }).toEqual({ name, svg: read(name) })
})

test('the target that the page is about is the one that its rule chooses', () => {
  expect(bestTarget(facts, defaults.signal)).toMatchObject({
    row: { value: defaults.target },
    keepsLimit: true,
  })
})
