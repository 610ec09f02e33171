import { drawPlot, type Series } from '../bench/plot.ts'
import type { FleetTimes } from '../bench/simulate.ts'
import type { Sample } from './run.ts'
import { bestTarget, costOf, runLoad, type ScalingFacts, signals } from './study.ts'

const colors = ['#7ee787', '#ffa657', '#58a6ff']

/** The plots of the page by their file names: made anew from the same facts and seeds. */
export function scalingPlots(facts: ScalingFacts): Record<string, string> {
  const { times } = facts
  return {
    'scaling-targets.svg': targetsPlot(facts),
    'scaling-burst.svg': drawPlot({
      ...{ title: 'Morning burst: instances, paid for', ...axes([50, 150, 10], 25, 5) },
      series: eachSignal(facts, 'morning burst', [50, 150]),
    }),
    'scaling-storm.svg': drawPlot({
      ...{ title: 'Spot storm at two hours: instances, paid for', ...axes([0, 270, 30], 25, 5) },
      series: eachSignal(facts, 'Spot storm', [0, 270]),
    }),
    'scaling-counter.svg': drawPlot({
      ...{ title: '60 jobs too many counted from one hour on: instances', ...axes([0, 240, 30], 6, 1) },
      series: counterSeries(times),
    }),
  }
}

/** Minutes, the first and the last. */
type Window = readonly [from: number, to: number]

function axes([from, to, step]: readonly [...Window, step: number], most: number, yStep: number) {
  const ticks = (first: number, last: number, each: number) =>
    Array.from({ length: (last - first) / each + 1 }, (_, at) => first + at * each)
  const labels = { xLabel: 'minutes', yLabel: 'instances' }
  return { linear: 'both' as const, ...labels, xTicks: ticks(from, to, step), yTicks: ticks(0, most, yStep) }
}

function instancesOf(samples: readonly Sample[], [from, to]: Window): Series['points'] {
  return samples
    .filter(({ now }) => now >= 60 * from && now <= 60 * to)
    .map(({ now, alive }) => [now / 60, alive] as const)
}

function eachSignal(facts: ScalingFacts, load: string, window: Window): Series[] {
  return signals.map((signal, index) => {
    const { value: target } = bestTarget(facts, signal).row
    const { samples } = runLoad(facts.times, load, { signal, target })
    return {
      name: `${signal}, target ${target}`,
      color: colors[index]!,
      points: instancesOf(samples, window),
    }
  })
}

function counterSeries(times: FleetTimes): Series[] {
  const ways = [
    { name: 'repaired', more: {} },
    { name: 'not repaired', more: { repairs: false } },
  ]
  return ways.map(({ name, more }, index) => {
    const { samples } = runLoad(times, 'counter corrupted', more)
    return { name, color: colors[index]!, points: instancesOf(samples, [0, 240]) }
  })
}

function targetsPlot(facts: ScalingFacts): string {
  return drawPlot({
    title: 'The healthy loads: what lateness costs, target by target',
    ...{ xLabel: 'latest p95, minutes', yLabel: 'instance-hours', xTicks: [5, 10, 20, 40, 80] },
    yTicks: [20, 40, 80, 160, 320, 640],
    series: signals.map((signal, index) => ({
      ...{ name: signal, color: colors[index]! },
      points: facts.targets[signal].map((row) => {
        const { hours, late } = costOf(facts, row)
        return [late / 60, hours] as const
      }),
    })),
  })
}
