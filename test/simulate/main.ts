/** Runs the simulation: docs/simulation.md. */
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { realMs } from './clock.ts'
import { loadProduct } from './loader.ts'
import { type Mutation, mutations } from './mutations.ts'
import { runSeed } from './run.ts'

const usage = `npm run simulate -- [--seeds N] [--from S] [--json FILE]   seeds S to S + N - 1; exit 1 when one is broken
                    [--show] [--all]                       prints what happened; with --all every read, too
                    [--mutation NAME]                      with this bug planted
                    [--mutations [--mutation A,B]]         plants each bug, or these, until a seed finds it`

const { values } = parseArgs({
  options: {
    help: { type: 'boolean', default: false },
    seeds: { type: 'string', default: '100' },
    from: { type: 'string', default: '1' },
    json: { type: 'string' },
    all: { type: 'boolean', default: false },
    show: { type: 'boolean', default: false },
    mutation: { type: 'string' },
    mutations: { type: 'boolean', default: false },
  },
})
// An experiment of Node's that is used on purpose; what else Node has to say is said.
process.removeAllListeners('warning')
process.on('warning', (warning) => {
  if (warning.name !== 'ExperimentalWarning') console.error(warning)
})

if (values.help) {
  console.log(usage)
  process.exit(0)
}
const from = Number(values.from)
const result = values.mutations ? await plantAll() : await runMany(named(values.mutation))
if (values.json) writeFileSync(values.json, JSON.stringify(result, null, 2))
process.exit(result.failed.length > 0 ? 1 : 0)

function named(name: string | undefined): Mutation | undefined {
  const found = mutations.find((each) => each.name === name)
  if (name !== undefined && !found)
    throw new Error(`no mutation ${name}; there are ${mutations.map((each) => each.name).join(', ')}`)
  return found
}

async function runMany(mutation: Mutation | undefined) {
  const seeds = Number(values.seeds)
  const startedMs = realMs()
  const product = await loadProduct(mutation)
  const failed: object[] = []
  const digests: Record<number, string> = {}
  const sum = { jobs: 0, calls: 0, injuries: 0, seconds: 0 }
  for (let seed = from; seed < from + seeds; seed++) {
    const run = await runSeed(product, seed)
    for (const name of ['jobs', 'calls', 'injuries', 'seconds'] as const) sum[name] += run[name]
    const { breaches, troubles, digest } = run
    digests[seed] = digest
    if (breaches.length > 0) {
      failed.push({ seed, troubles, breaches })
      console.log(`seed ${seed} (${troubles})`)
      for (const { invariant, what } of breaches) console.log(`  ${invariant}: ${what}`)
    }
    if (values.show || (breaches.length > 0 && seeds === 1)) console.log(run.lines(values.all).join('\n'))
  }
  const { user, system } = process.cpuUsage()
  const perThousand = {
    seconds: Number(((realMs() - startedMs) / seeds).toFixed(1)),
    cpuSeconds: Number(((user + system) / 1000 / seeds).toFixed(1)),
  }
  console.log(`${seeds} seeds, ${failed.length} broken; a thousand take`, perThousand, 'in all', sum)
  return { seeds, from, failed, perThousand, sum, digests }
}

/** Fails for a mutation that no seed finds, or that breaks something else than it should. */
async function plantAll() {
  const failed: object[] = []
  const found: object[] = []
  const chosen = values.mutation?.split(',').map((name) => named(name)!) ?? mutations
  const sound = await loadProduct()
  for (const mutation of chosen) {
    const product = await loadProduct(mutation)
    let seed = 0
    let broken: readonly string[] = []
    let right = false
    // The seed that found it last, then all of them.
    const seeds = Array.from({ length: mutation.within }, (_, index) => index + 1)
    for (seed of [mutation.likely, ...seeds]) {
      const { breaches } = await runSeed(product, seed)
      broken = breaches.map(({ invariant }) => invariant)
      right = broken.some((invariant) => mutation.breaks.includes(invariant))
      // A seed that breaks without the bug says nothing of it.
      if (right && (await runSeed(sound, seed)).breaches.length > 0) right = false
      if (right) break
    }
    const { name } = mutation
    const line = { name, seed, broken: [...new Set(broken)] }
    ;(right ? found : failed).push(line)
    console.log(
      `${right ? 'found' : 'NOT FOUND'} ${name}: seed ${seed} of ${mutation.within}: ${line.broken.join(', ')}`,
    )
  }
  return { found, failed }
}
