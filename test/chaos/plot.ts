/** The soak as a picture: four panels over time, a line for each place in the fleet. Pure. */
import { drawPlot, height, type Series, width } from '../bench/plot.ts'
import type { ChaosResult } from './run.ts'
import type { Sample } from './samples.ts'

const colors = ['#58a6ff', '#7ee787', '#ffa657', '#d2a8ff', '#ff7b72', '#a5d6ff', '#f2cc60', '#8b949e']
/** Points of a line: what happens between two of them is shown by its worst moment. */
const bins = 100

interface Panel {
  readonly title: string
  readonly yLabel: string
  readonly yTicks: readonly number[]
  readonly linear: 'x' | 'both'
  readonly value: (sample: Sample) => number | null
  readonly worst: (...values: number[]) => number
}

export function soakPlot({ samples, options }: Pick<ChaosResult, 'samples' | 'options'>): string {
  const minutes = Math.max(options.seconds, ...samples.map(({ at }) => at)) / 60
  const step = [1, 2, 5, 10, 20, 60].find((each) => minutes / each <= 10) ?? 120
  const xTicks = Array.from({ length: Math.ceil(minutes / step) + 1 }, (_, index) => index * step)
  const drawn = panels(samples).map((panel, index) => {
    const { value, worst, ...axes } = panel
    const svg = drawPlot({
      ...{ ...axes, xLabel: 'minutes', xTicks },
      series: lines(samples, options.workers, xTicks.at(-1)!, value, worst),
    })
    return svg.replace('<svg ', `<svg y="${index * height}" `)
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${drawn.length * height}" viewBox="0 0 ${width} ${drawn.length * height}" role="img" aria-label="Workers under chaos over time">`,
    ...drawn,
    '</svg>',
    '',
  ].join('\n')
}

function panels(samples: readonly Sample[]): Panel[] {
  // With room for the legend above the lines.
  const upTo = (most: number, step: number) =>
    Array.from({ length: Math.ceil((1.4 * most) / step) + 1 }, (_, index) => index * step)
  const most = (value: (sample: Sample) => number) => Math.max(1, ...samples.map(value))
  return [
    {
      ...{ title: 'Memory that is the worker’s own', yLabel: 'MiB', linear: 'both' },
      ...{
        yTicks: upTo(
          most(({ memory }) => memory),
          50,
        ),
        value: ({ memory }) => memory,
        worst: Math.max,
      },
    },
    {
      ...{ title: 'Longest delay of the event loop', yLabel: 'milliseconds', linear: 'x' },
      ...{ yTicks: [1, 10, 100, 1000, 10_000], worst: Math.max },
      value: ({ delay }) => (delay === null ? null : Math.min(10_000, Math.max(1, delay * 1000))),
    },
    {
      ...{ title: 'Least time left on a lease', yLabel: 'seconds', linear: 'both' },
      ...{ yTicks: upTo(24, 6), value: ({ slack }) => slack, worst: Math.min },
    },
    {
      ...{ title: 'Open files and sockets', yLabel: 'handles', linear: 'both' },
      ...{
        yTicks: upTo(
          most(({ handles }) => handles),
          20,
        ),
        value: ({ handles }) => handles,
        worst: Math.max,
      },
    },
  ]
}

function lines(
  samples: readonly Sample[],
  places: number,
  minutes: number,
  value: Panel['value'],
  worst: Panel['worst'],
): Series[] {
  return Array.from({ length: places }, (_, place) => {
    const found = new Map<number, number>()
    for (const sample of samples.filter((each) => each.place === place)) {
      const bin = Math.floor((sample.at / 60 / minutes) * bins)
      const here = value(sample)
      if (here !== null) found.set(bin, worst(found.get(bin) ?? here, here))
    }
    const points = [...found].map(([bin, here]) => [((bin + 0.5) / bins) * minutes, here] as const)
    return { name: `worker ${place + 1}`, color: colors[place % colors.length]!, points }
  })
}
