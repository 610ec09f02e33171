import { drainRequestSeconds, writeDrainRequest } from '../../shared/drain-request.ts'
import { drainAllRequest, drainRequest, workerKey } from '../../shared/keys.ts'
import type { RedisConsole } from '../../shared/redis.ts'
import { sleep } from '../../shared/time.ts'
import { readWorkerReport, type WorkerReport } from '../../shared/worker-report.ts'
import { type CommandContext, confirm, show, textFlag } from './context.ts'
import { CommandError } from './errors.ts'
import { redisNow, scan } from './fleet.ts'
import { plural } from './format.ts'
import { usage } from './parse.ts'

const lookMs = 500

export async function drain(context: CommandContext): Promise<void> {
  const { ports, signal, flags, io } = context
  const redis = ports.redis()
  const name = textFlag(context, 'worker')
  if ((name === undefined) === !flags.all) throw usage('drain', 'needs --worker or else --all')

  const reports = await readWorkers(redis, name, signal)
  if (name !== undefined && reports.length === 0)
    throw new CommandError('not_found', `No worker ${name} has reported in the last 15 s`)
  const slots = reports.flatMap((report) => report.slots)
  const busy = slots.filter((slot) => slot.state === 'busy').length
  const who = name === undefined ? `all ${plural(reports.length, 'worker')}` : `worker ${name}`
  await confirm(context, `Drain ${who}, now with ${plural(busy, 'job')}`)

  const key = name === undefined ? drainAllRequest : drainRequest(name)
  // By the clock of Redis: a worker compares it with its own start, and this machine's clock may be anything.
  await redis.set(key, writeDrainRequest(io.user, await redisNow(redis)), drainRequestSeconds)
  if (flags.wait) await gone(redis, reports, context)
  const workers = reports.map(({ workerId }) => workerId)
  const words = flags.wait ? 'drained' : 'told to drain'
  show(context, { workers, requested: true, gone: Boolean(flags.wait) }, [`${who} ${words}`])
}

async function readWorkers(
  redis: RedisConsole,
  name: string | undefined,
  signal: AbortSignal,
): Promise<WorkerReport[]> {
  const found: WorkerReport[] = []
  const take = async (key: string) => {
    const report = readWorkerReport(await redis.get(key))
    if (report) found.push(report)
  }
  if (name !== undefined) await take(workerKey(name))
  else for await (const keys of scan(redis, workerKey('*'), signal)) for (const key of keys) await take(key)
  return found
}

/** Until each has said goodbye, or another process has its name. */
async function gone(
  redis: RedisConsole,
  reports: readonly WorkerReport[],
  { io, signal }: CommandContext,
): Promise<void> {
  for (const { workerId, startedAt } of reports) {
    for (;;) {
      const report = readWorkerReport(await redis.get(workerKey(workerId)))
      if (!report || report.startedAt !== startedAt) break
      await sleep(lookMs, { signal })
    }
    io.tell(`${workerId} is gone`)
  }
}
