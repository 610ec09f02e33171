/**
 * One long video on fleets that are not at hand: simulated from stage times measured here, for up to 200 workers and
 * five hours. The simulation is judged by the shared videos that were really run. Four minutes behind `fan-out`,
 * alone about ten; with --docs it writes docs/fleet-speed.md and the plot in it.
 */
import { writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { root } from '../unit/house/sources.ts'
import { coresHere } from './cores.ts'
import { type SharedRun, sharedRun } from './fan-out.ts'
import { atLeast, type BenchInput, between, type Figures, toldOnly } from './figures.ts'
import { fleetCase, fleetPage, fleetPlot, formulaRange } from './fleet-page.ts'
import { type FleetTimes, simulate, speedUp, withSlopes } from './simulate.ts'
import { makeSource } from './sources.ts'

const sizes = {
  full: {
    stages: { seconds: 120, height: 720, chunkSeconds: 20 },
    // A picture so small that its encode costs next to nothing: what is left is what a part costs besides.
    parts: { seconds: 1800, height: 90, few: 180, many: 12 },
  },
  small: {
    stages: { seconds: 24, height: 240, chunkSeconds: 6 },
    parts: { seconds: 120, height: 90, few: 24, many: 8 },
  },
}

export async function measureFleet(input: BenchInput): Promise<Figures> {
  const { env, say, signal, small, docs, measured } = input
  const size = small ? sizes.small : sizes.full
  const [left, right] = coresHere() ?? []
  if (left === undefined || right === undefined) {
    say('left out: it needs two cores and taskset (util-linux)')
    return {}
  }
  const both = [left, right]
  const run = async (video: { seconds: number; height: number; chunkSeconds: number }, cores = both) => {
    const file = await makeSource(video, { env, signal })
    return sharedRun({ ...video, file }, cores, signal, video.height === 90 ? { HLS_TIME_SECONDS: '2' } : {})
  }
  const one = measured.shared?.one ?? (await run(size.stages, [left]))
  const two = measured.shared?.two ?? (await run(size.stages))
  const few = await run({ ...size.parts, chunkSeconds: size.parts.few })
  const many = await run({ ...size.parts, chunkSeconds: size.parts.many })
  const times = withSlopes(one.stages, few.stages, many.stages)
  say(`stages ${JSON.stringify(times)}; of many small parts ${JSON.stringify(many.stages)}`)

  const ofTiny = withSlopes(few.stages, few.stages, many.stages)
  const runs = [
    { what: 'one worker', run: one, simulated: simulated(times, one) },
    { what: 'two workers, from the stages of one', run: two, simulated: simulated(times, two) },
    {
      what: `two workers, ${many.stages.parts} parts, a tiny picture`,
      run: many,
      simulated: simulated(ofTiny, many),
    },
  ]
  for (const { what, run, simulated } of runs)
    say(`${what}: ${run.seconds.toFixed(1)} s, simulated ${simulated.toFixed(1)} s`)
  if (docs && !small) {
    const machine = `${cpus()[0]?.model ?? 'unknown'}, ${cpus().length} cores`
    const picture = `${size.stages.height}p`
    writeFileSync(join(root, 'docs/fleet-speed.md'), fleetPage({ times, runs, picture, machine }))
    writeFileSync(join(root, 'docs/fleet-speed.svg'), fleetPlot(times))
  }
  const ratios = runs.map(({ run, simulated }) => simulated / run.seconds)
  // Of parts that are hardly more than the start of ffmpeg the simulation knows too little: told, not judged.
  const tiny = ratios.pop()!
  const { lowest, highest } = formulaRange(times)
  return {
    fleet_simulation_lowest: between(Math.min(...ratios), 0.9, 1.1, 'ratio to the measured run'),
    fleet_simulation_highest: between(Math.max(...ratios), 0.9, 1.1, 'ratio to the measured run'),
    fleet_simulation_tiny_parts: toldOnly(tiny, 'ratio to the measured run'),
    fleet_formula_lowest: toldOnly(lowest, 'ratio to the simulation'),
    fleet_formula_highest: toldOnly(highest, 'ratio to the simulation'),
    fleet_20_workers: atLeast(speedUp(times, fleetCase(20, 3)), 17, 'times as fast as one, three hours'),
    fleet_200_workers: toldOnly(speedUp(times, fleetCase(200, 3)), 'times as fast as one, three hours'),
  }
}

function simulated(times: FleetTimes, { workers, ofSeconds, chunkSeconds }: SharedRun): number {
  return simulate(times, { workers, seconds: ofSeconds, chunkSeconds })
}
