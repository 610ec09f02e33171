/** docs/fleet-speed.md and its plot, from stage times: pure, so that the page can be written anew from the same. */
import { markdownTable } from '../../shared/markdown.ts'
import type { SharedRun } from './fan-out.ts'
import { drawPlot } from './plot.ts'
import { chunkCount, type FleetCase, type FleetTimes, formula, simulate, speedUp } from './simulate.ts'

/** As production cuts: the default of CHUNK_SECONDS. */
const chunkSeconds = 120
const hours = [1, 2, 3, 4, 5]
const widths = [1, 2, 5, 10, 20, 50, 100, 200]

export interface FleetFacts {
  readonly times: FleetTimes
  /** What was measured, and what the simulation says of the same. */
  readonly runs: readonly { readonly what: string; readonly run: SharedRun; readonly simulated: number }[]
  /** The picture that the times are of: `720p`. */
  readonly picture: string
  readonly machine: string
}

export function fleetCase(workers: number, ofHours: number): FleetCase {
  return { workers, seconds: ofHours * 3600, chunkSeconds }
}

/** By how much the closed form is off the simulation over all fleets of the page: lowest and highest ratio. */
export function formulaRange(times: FleetTimes): { lowest: number; highest: number } {
  const ratios = hours.flatMap((of) =>
    widths.map((workers) => {
      const fleet = fleetCase(workers, of)
      return formula(times, fleet) / simulate(times, fleet)
    }),
  )
  return { lowest: Math.min(...ratios), highest: Math.max(...ratios) }
}

export function fleetPlot(times: FleetTimes): string {
  const colors = ['#58a6ff', '#7ee787', '#ffa657']
  const shown = [5, 3, 1]
  const fine = Array.from({ length: 200 }, (_, index) => index + 1)
  const ticks = [1, 2, 5, 10, 20, 50, 100, 200]
  return drawPlot({
    title: 'One video on a fleet: times as fast as one worker (simulated)',
    ...{ xLabel: 'workers', yLabel: 'times as fast', xTicks: ticks, yTicks: ticks },
    series: [
      {
        name: 'as many times as workers',
        color: '#8b949e',
        points: [
          [1, 1],
          [200, 200],
        ],
        dashed: true,
      },
      ...shown.map((of, index) => ({
        name: `${of} h, ${chunkCount(fleetCase(1, of))} chunks`,
        color: colors[index]!,
        points: fine.map((workers) => [workers, speedUp(times, fleetCase(workers, of))] as const),
      })),
    ],
  })
}

/** The facts that a page was written from: they stand in it, so that a test can write it again. */
export function factsOf(page: string): FleetFacts {
  return JSON.parse(/<!-- facts (.*) -->/.exec(page)?.[1] ?? '')
}

export function fleetPage(facts: FleetFacts): string {
  const { times, runs, picture, machine } = facts
  const { lowest, highest } = formulaRange(times)
  const off = `${(Math.max(1 - lowest, highest - 1) * 100).toFixed(1)} %`
  const seconds = (value: number) => `${value.toPrecision(3)} s`
  const audio = (of: number) => times.part + times.audioRate * of * 3600
  const ahead = simulate(times, fleetCase(50, 5))
  const behind = simulate(times, { ...fleetCase(50, 5), audioLast: true })
  return `# One long video on a fleet

<!-- Written by \`npm run bench fan-out fleet -- --docs\`; not by hand. -->

How long after the message is sent a video is ready, when its parts are shared over a fleet (\`FANOUT\`). One and two
workers were really run; wider fleets are simulated from what the stages cost in those runs
([test/bench/simulate.ts](../test/bench/simulate.ts): each worker takes the next part of the queue when it is free).
Chunks are ${chunkSeconds} s long, the default of \`CHUNK_SECONDS\`.

![Speed-up over the number of workers for videos of one, three and five hours](fleet-speed.svg)

Hours and minutes until ready, and how many times as fast as one worker:

${markdownTable(
  ['workers', ...hours.map((of) => `${of} h of video`)],
  widths.map((workers) => [
    String(workers),
    ...hours.map((of) => {
      const fleet = fleetCase(workers, of)
      return `${clock(simulate(times, fleet))} (${speedUp(times, fleet).toFixed(1)})`
    }),
  ]),
)}

## What was measured
A worker is one core of this machine (${machine}), the video ${picture} with 30 pictures a second and the default
profile. On a faster worker every time above is shorter, and the speed-ups are the same as long as pictures and sound
gain alike: more cores make a chunk faster, but not the sound, which ffmpeg encodes on one.

${markdownTable(
  ['stage', 'wall time'],
  [
    [`plan: sending of the message until ${times.parts} parts are in the queue`, seconds(times.plan)],
    ['plan: each further part', seconds(times.planPerPart)],
    ['a part, beside its encode', seconds(times.part)],
    ['encode of a chunk, per second of video', seconds(times.chunkRate)],
    ['encode of the sound, per second of video', seconds(times.audioRate)],
    [`join: end of the last of ${times.parts} parts until the callback`, seconds(times.join)],
    ['join: each further part', seconds(times.joinPerPart)],
  ],
)}

${markdownTable(
  ['run', 'measured', 'simulated'],
  runs.map(({ what, run, simulated }) => [what, `${run.seconds.toFixed(1)} s`, `${simulated.toFixed(1)} s`]),
)}

## In closed form
    ready = plan + t + join

where t is the first time, not before the sound is done, by which all chunks are done:
(workers - 1) x floor(t / chunk) + floor((t - audio) / chunk) is the number of chunks or more.

Over the fleets of the table it is at most ${off} off the simulation.

## What limits it
- Whole rounds: three hours are 90 chunks, for which 60 workers are as fast as 45, since both need two rounds. A
  shorter \`CHUNK_SECONDS\` makes the steps finer, for ${seconds(times.part)} a part.
- One chunk: no fleet is faster than the ${clock(times.part + times.chunkRate * chunkSeconds)} that a chunk takes on one worker.
- The sound: it is encoded in one go over the whole source, which takes ${clock(audio(1))} for one hour and ${clock(audio(5))} for five.
  It is sent in front of the chunks, so that it begins first: five hours on 50 workers take ${clock(ahead)}; with the
  sound behind the chunks they would take ${clock(behind)}.
- Very small parts: where starting ffmpeg is most of a part's work, two workers on two cores also wait for bucket, queue
  and Redis beside them, which the simulation does not know (the last run of the table). Chunks of two minutes do not.
- Queue, bucket and Redis are those of \`npm run local\`, on the same machine. What SQS, R2 and a network add is not in it.

<!-- facts ${JSON.stringify(facts)} -->
`
}

/** `1:02:03` or `2:03`. */
function clock(seconds: number): string {
  const whole = Math.round(seconds)
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60]
  const two = (value: number) => String(value).padStart(2, '0')
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`
}
