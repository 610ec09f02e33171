import { type Area, areas, findings } from '../../shared/reconcile/find.ts'
import type { Finding, Repaired } from '../../shared/reconcile/finding.ts'
import { repair } from '../../shared/reconcile/repair.ts'
import { watch } from '../../shared/reconcile/watch.ts'
import { type OpenWorld, openWorld } from '../../shared/reconcile/world.ts'
import { type CommandContext, confirm, show, textFlag } from './context.ts'
import { CommandError } from './errors.ts'
import { duration, plural, short, tableLines } from './format.ts'
import { usage } from './parse.ts'

export async function reconcile(context: CommandContext): Promise<void> {
  const { ports, signal, flags, io } = context
  const only = areasOf(context)
  const world = await openWorld(ports.config, signal)
  try {
    if (flags.watch) {
      io.tell('looking at the queue and the counters for four minutes …')
      await watch(world, { signal })
    }
    const found = await findings(world, { signal, only })
    const results = await mend(found, world, context)
    const done = { applied: Boolean(flags.apply), results }
    show(context, done, results.length === 0 ? ['all is as it should be'] : resultLines(results))
    judge(results)
  } finally {
    world.close()
  }
}

async function mend(
  found: readonly Finding[],
  world: OpenWorld,
  context: CommandContext,
): Promise<Repaired[]> {
  const { signal, flags, io, json } = context
  const dry = await repair(found, world, { signal })
  const would = dry.filter(({ result }) => result === 'would')
  if (!flags.apply || would.length === 0) return dry
  // What is asked about is seen before it is answered.
  if (!flags.yes && !json) io.tell(resultLines(dry).join('\n'))
  await confirm(context, `Carry out ${plural(would.length, 'repair')}`)
  return repair(found, world, { signal, dryRun: false })
}

/** Exit 69 when the truth about something could not be learned, 1 when a repair failed. */
function judge(results: readonly Repaired[]): void {
  const failed = results.filter(({ result }) => result === 'failed').length
  if (failed > 0)
    throw new CommandError('failed', `${plural(failed, 'repair')} failed; the next run finds them again`)
  // A walk that goes on with the next run is no outage.
  const unknown = results.filter(
    ({ finding, reason }) => finding.code === 'unknown' && /_(unavailable|refused): /.test(reason),
  )
  const [first] = unknown
  if (first)
    throw new CommandError('unavailable', `${first.finding.what} could not be looked at: ${first.reason}`)
}

function resultLines(results: readonly Repaired[]): string[] {
  const rows = results.map(({ finding, result, reason }) => [
    result,
    finding.code,
    finding.what,
    duration(finding.ageSeconds),
    finding.repair?.type ?? '-',
    short(reason, 120),
  ])
  return tableLines(['result', 'finding', 'of', 'age', 'repair', 'because'], rows)
}

function areasOf(context: CommandContext): readonly Area[] {
  const text = textFlag(context, 'only')
  if (text === undefined) return areas
  const asked = text.split(',').map((word) => word.trim())
  const wrong = asked.find((word) => !areas.includes(word as Area))
  if (wrong !== undefined) throw usage('reconcile', `--only knows ${areas.join(', ')}, not "${wrong}"`)
  return asked as Area[]
}
