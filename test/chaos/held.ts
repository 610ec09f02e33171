/** What the workers of a run held and how they kept time, as tables: the same lines in the terminal and in docs/chaos.md. Pure. */
import { markdownTable } from '../../shared/markdown.ts'
import type { Sample } from './samples.ts'

/** Lives that are compared with themselves. */
const longest = 5
/** Code is loaded and made fast in a worker's first minute. */
const warmSeconds = 60

/** Median, 99 % and worst of all samples, then the memory of the longest lives. */
export function heldLines(samples: readonly Sample[]): string[] {
  if (samples.length === 0) return []
  const row = (what: string, unit: string, values: readonly (number | null)[], isLeast = false): string[] => {
    const sorted = values.filter((value) => value !== null).sort((a, b) => (isLeast ? b - a : a - b))
    const at = (part: number) => {
      const value = sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))]
      return value === undefined ? '-' : `${Number(value.toPrecision(2))} ${unit}`.trim()
    }
    return [what, at(0.5), at(0.99), at(1)]
  }
  const rows = [
    row(
      'memory that is the worker’s own',
      'MiB',
      samples.map(({ memory }) => memory),
    ),
    row(
      'longest delay of the event loop in 2 s',
      'ms',
      samples.map(({ delay }) => delay && delay * 1000),
    ),
    row(
      'least time left on a lease',
      's',
      samples.map(({ slack }) => slack),
      true,
    ),
    row(
      'open files and sockets',
      '',
      samples.map(({ handles }) => handles),
    ),
  ]
  const lives = [...Map.groupBy(samples, ({ worker }) => worker).values()]
    .filter((of) => of.at(-1)!.at - of[0]!.at > 2 * warmSeconds)
    .sort((a, b) => b.at(-1)!.at - b[0]!.at - (a.at(-1)!.at - a[0]!.at))
    .slice(0, longest)
    .map((of) => {
      const warm = of.find(({ at }) => at >= of[0]!.at + warmSeconds)!
      const minutes = ((of.at(-1)!.at - of[0]!.at) / 60).toFixed(1)
      return `${minutes} min: ${warm.memory.toFixed(0)} to ${of.at(-1)!.memory.toFixed(0)} MiB`
    })
  return [
    ...markdownTable([`of ${samples.length} samples`, 'median', '99 %', 'worst'], rows).split('\n'),
    '',
    ...(lives.length === 0
      ? []
      : [`memory of the longest lives, a minute after the start and at the end: ${lives.join('; ')}`, '']),
  ]
}
