/** docs/scaling-simulation.md: pure, so that a test can write it again. */
import { markdownTable } from '../../shared/markdown.ts'
import type { Figures } from './measure.ts'
import {
  bestTarget,
  costOf,
  defaults,
  lateLimitSeconds,
  type Row,
  type ScalingFacts,
  seeds,
  signals,
} from './study.ts'

const time = (seconds: number) => {
  const whole = Math.round(seconds)
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60]
  const two = (value: number) => String(value).padStart(2, '0')
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`
}
const percent = (share: number) => `${Math.round(100 * share)} %`
const hours = (value: number) => value.toFixed(1)
const count = (value: number) => String(Math.round(value))

const columns = ['wait p50', 'p95', 'max', 'late p95', 'instance-hours', 'idle', 'most at once', 'never used']
function cells({ wait, late, instanceHours, idleShare, peak, overshoot }: Figures): string[] {
  return [
    ...[wait.p50, wait.p95, wait.max, late.p95].map(time),
    ...[hours(instanceHours), percent(idleShare), count(peak), count(overshoot)],
  ]
}

/** A row a value: the healthy loads together, and each load's lateness. */
function sweepTable(facts: ScalingFacts, name: string, rows: readonly Row[], chosen: number): string {
  const show = (value: number) => (value === chosen ? `**${value}**` : String(value))
  return markdownTable(
    [name, 'instance-hours, healthy loads', ...facts.loads.map((load) => `late p95, ${load.name}`)],
    rows.map((row) => [
      ...[show(row.value), hours(costOf(facts, row).hours)],
      ...row.figures.map(({ late }) => time(late.p95)),
    ]),
  )
}

export function scalingPage(facts: ScalingFacts): string {
  const best = signals.map((signal) => ({ signal, ...bestTarget(facts, signal) }))
  const [ours, depth, total] = best.map(({ row }) => row) as [Row, Row, Row]
  const cost = (row: Row) => costOf(facts, row)
  const figures = (row: Row, name: string) =>
    row.figures[facts.loads.findIndex((load) => load.name === name)]!
  const sweep = (name: keyof typeof defaults, title: string) =>
    sweepTable(facts, title, facts.sweeps[name]!, defaults[name] as number)
  const at = (name: string, value: number) => facts.sweeps[name]!.find((row) => row.value === value)!
  const [, , unrepaired] = facts.doubts
  const chunk = facts.times.part + (facts.times.chunkRate / defaults.cores) * defaults.chunkSeconds
  const corrupted = (row: Row) => hours(figures(row, 'counter corrupted').instanceHours)
  return `# How the group scales, simulated

<!-- Written by \`npm run scaling -- --docs\`; not by hand. -->

Fleets of instances against a day, a burst, a storm and what else happens to them: what is published
([the publisher's own arithmetic](../deploy/backlog/metrics.ts), its drift and its repairs), what Auto Scaling makes of it
([policy.ts](../test/scaling/policy.ts)), and what that costs. Run again by \`npm run scaling\`; a recorded load by
\`npm run scaling -- --load FILE\`. The same seed gives the same run; every figure is the mean of ${seeds.length} seeds.

*Wait* is from the message to the first worker; *late* is by how much a video is ready later than on a fleet that is awake and
wide enough; *idle* are paid hours without work, boot included; *never used* are instances that were launched for nothing.

## Three signals
Target tracking on jobs that wait for each instance (what we publish), on the queue's visible messages alone, and on the whole
backlog. Each at the target that suits it best: the cheapest at which 19 of 20 videos are less than ${lateLimitSeconds / 60} minutes late in
every load where nothing is broken; a signal that never gets there, the cheapest less than a fifth worse than its own best.

${markdownTable(
  ['load', 'signal', 'target', ...columns],
  facts.loads.flatMap(({ name }, index) =>
    best.map(({ signal, row }) => [name, signal, String(row.value), ...cells(row.figures[index]!)]),
  ),
)}

${facts.loads.map(({ name, story }) => `- *${name}*: ${story}.`).join('\n')}

![Instance-hours over lateness, a point for each target](scaling-targets.svg)

The four healthy loads cost ${hours(cost(ours).hours)} instance-hours by jobs for each instance, ${hours(cost(total).hours)} by the whole backlog,
${hours(cost(depth).hours)} by queue depth, which is then still ${time(cost(depth).late)} late: a total does not fall when instances come, so
tracking it multiplies the group again each minute until work runs out; and CloudWatch's own metrics of a queue that slept for
six hours come up to 15 minutes late.

![Instances over time in the morning burst](scaling-burst.svg)

![Instances over time in the Spot storm](scaling-storm.svg)

A counter that is 60 too high costs ${corrupted(ours)} instance-hours when the publisher repairs it, and ${corrupted(unrepaired!)} when it cannot (no
\`REDIS_HOST\`). Queue depth does not know the counter: ${corrupted(depth)}. While the publisher is down nothing changes: the group keeps what it
has, too many or too few.

![Instances over time with a counter that is wrong](scaling-counter.svg)

## The target
${signals.map((signal) => `### ${signal}\n${sweepTable(facts, 'target', facts.targets[signal], bestTarget(facts, signal).row.value)}`).join('\n\n')}

**${ours.value}** messages for each instance. A message is at most a chunk of ${defaults.chunkSeconds} s of video, and on the ${defaults.cores} cores of a simulated instance a chunk
takes ${time(chunk)}: so ${ours.value} of them are ${time(ours.value * chunk)} of work, about two boots of an instance. A lower target starts instances for
work that is done before they are up. What counts is the time of the work: on instances with half the cores, half of it
does the same.

${sweepTable(facts, `target on ${defaults.cores / 2} cores`, facts.sweeps.targetOnHalf!, 8)}

## The other settings
${sweep('warmupSeconds', 'warm-up, seconds')}

Up to three minutes of warm-up nothing changes but noise; beyond, the group waits for instances that have been working for long.
${defaults.warmupSeconds} s are the boot and a minute for the first point that knows of the instance.

${sweep('min', 'instances at least')}

None. One that never sleeps saves a clip of the night ${time(figures(at('min', 0), 'quiet night').wait.p50)}, for up to 24 instance-hours a day.

${sweep('max', 'instances at most')}

${defaults.max}: with this target no load here wants more, and ten are not enough for the burst. It bounds the bill when everything else fails.

${sweep('idleSeconds', 'SCALE_IN_IDLE_SECONDS')}

Longer keeps instances for what comes soon after, and costs it. The lower alarm is no brake: in a light load the metric
has been below nine tenths of the target for long, and an instance is given up as soon as it is warm and unprotected.

${sweep('bootSeconds', 'boot, seconds')}

${sweep('cores', 'cores')}

What an instance needs from launch to service is assumed (${defaults.bootSeconds} s, a quarter more or less), and cores gain in full.

### Hooks
No sweep: they only need to be longer than what they hold. Launching: 900 s are more than seven boots of ${defaults.bootSeconds} s, and a boot that fails says
so. Terminating: the worker beats the hook each third of 900 s while it drains (\`DRAIN_SECONDS\`, 90 s, and 12 s of last words),
and completes it itself: a crashed one costs 15 minutes.

## What is doubtful
${sweepTable(
  facts,
  'doubt',
  facts.doubts.map((row, index) => ({ ...row, value: index })),
  -1,
).replace(/^\| (\d) \|/gm, (_, index) => `| ${facts.doubts[Number(index)]!.what} |`)}

- AWS does not publish the arithmetic of target tracking. The user guide says that warming instances count as capacity that is
  there, and add nothing to the metric; the second row is the other reading, and costs more for the same.
- A minute without data means no scaling here; CloudWatch may go on with the points that it has.
- A group without instances is started by steps (\`deploy/stack\`), for every signal alike: an alarm of one point.
- Stage times are those of [one video on a fleet](fleet-speed.md): 720p, measured on one core of this machine, with everything local.
  Tenants share one queue without fairness; uploads are invented.
- Nothing of this has been run against AWS.
`
}
