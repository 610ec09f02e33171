/**
 * `npm run scaling -- [--json FILE] [--docs]`: the group's scaling, simulated (docs/scaling-simulation.md).
 *   --json FILE   writes every figure there
 *   --docs        writes docs/scaling-simulation.md and its plots
 *   --load FILE   only this recorded load: JSON, a list of {"sent": ISO 8601 or seconds, "seconds": length of the video}
 *   --target N, --min N, --max N   of the group, with --load
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { factsOf as fleetFactsOf } from '../bench/fleet-page.ts'
import { figuresOf } from './measure.ts'
import { scalingPage } from './page.ts'
import { scalingPlots } from './plots.ts'
import { readLoad } from './recorded.ts'
import { run } from './run.ts'
import { bestTarget, costOf, defaults, signals, study } from './study.ts'

const { values } = parseArgs({
  options: {
    json: { type: 'string' },
    docs: { type: 'boolean', default: false },
    load: { type: 'string' },
    target: { type: 'string' },
    min: { type: 'string' },
    max: { type: 'string' },
  },
})
const docs = (name: string) => new URL(`../../docs/${name}`, import.meta.url)
const { times } = fleetFactsOf(readFileSync(docs('fleet-speed.md'), 'utf8'))

const result = values.load === undefined ? studied() : recorded(values.load)
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(result, null, 2)}\n`)

function studied() {
  const facts = study(times)
  for (const signal of signals) {
    const { row, keepsLimit } = bestTarget(facts, signal)
    const { hours, late } = costOf(facts, row)
    const words = keepsLimit ? '' : ' (keeps the limit nowhere)'
    console.log(
      `${signal}: target ${row.value}, ${hours.toFixed(1)} instance-hours, ${Math.round(late)} s late${words}`,
    )
  }
  if (values.docs) {
    writeFileSync(docs('scaling-simulation.md'), scalingPage(facts))
    for (const [name, svg] of Object.entries(scalingPlots(facts))) writeFileSync(docs(name), svg)
  }
  return facts
}

function recorded(path: string) {
  const load = readLoad(path, readFileSync(path, 'utf8'))
  const more = (['target', 'min', 'max'] as const).flatMap((name) => {
    const value = values[name]
    return value === undefined ? [] : [[name, Number(value)] as const]
  })
  const figures = figuresOf(run(load, { ...defaults, times, ...Object.fromEntries(more) }))
  console.log(figures)
  return figures
}
