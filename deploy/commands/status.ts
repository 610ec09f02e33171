import { progressKey } from '../../shared/keys.ts'
import { isRefusal, type RedisConsole } from '../../shared/redis.ts'
import { now, sleep } from '../../shared/time.ts'
import { type CommandContext, numberFlag } from './context.ts'
import { asCommandError, CommandError } from './errors.ts'
import { type FleetRecords, readFleet } from './fleet.ts'
import type { Ports } from './ports.ts'
import { type FleetStatus, type JobLine, statusLines } from './status-view.ts'
import { readTarget } from './target.ts'

const defaultInterval = 2
const defaultLimit = 50
/** Cursor home and everything below it erased: one picture in place of the one before. */
const redraw = '\u001b[H\u001b[J'

export async function status(context: CommandContext): Promise<void> {
  const { io, ports, signal, json } = context
  const interval = numberFlag(context, 'interval', { min: 0.2, max: 3600, whole: false }) ?? defaultInterval
  const limit = numberFlag(context, 'limit', { min: 1, max: 100_000 }) ?? defaultLimit
  if (!context.flags.watch) {
    const seen = await lookAtFleet(ports, limit, signal)
    io.print(json ? JSON.stringify(seen, undefined, 2) : statusLines(seen).join('\n'))
    const [problem] = seen.problems
    if (problem) throw new CommandError('unavailable', problem)
    return
  }
  for (;;) {
    const seen = await lookAtFleet(ports, limit, signal)
    const text = json ? JSON.stringify(seen) : statusLines(seen).join('\n')
    io.print(io.isTerminal && !json ? `${redraw}${text}` : text)
    await sleep(interval * 1000, { signal })
  }
}

/** What can be had now; what cannot is in `problems`, and its part of the answer is left out. */
export async function lookAtFleet(ports: Ports, limit: number, signal: AbortSignal): Promise<FleetStatus> {
  const problems: string[] = []
  const ask = <T>(what: Promise<T>): Promise<T | undefined> =>
    what.catch((error: unknown) => {
      signal.throwIfAborted()
      problems.push(asCommandError(error).message)
      return undefined
    })
  const [attributes, dead, records] = await Promise.all([
    ask(ports.queue().then((queue) => queue.attributes(signal))),
    ask(ports.deadLetters().then((letters) => letters.count(signal))),
    ask(readFleet(ports.redis(), signal)),
  ])
  for (const key of records?.unreadable ?? [])
    problems.push(`Redis has another type in ${key} than the fleet writes there`)
  const { queue } = ports.config
  const jobs = records ? await ask(jobLines(records, ports, limit)) : undefined
  return {
    at: new Date(now()).toISOString(),
    problems,
    ...(attributes
      ? {
          queue: {
            name: queue.name,
            ...{ waiting: attributes.waiting, inFlight: attributes.inFlight, delayed: attributes.delayed },
          },
        }
      : {}),
    ...(dead === undefined ? {} : { deadLetters: { name: queue.deadLetterName, count: dead } }),
    ...(records ? { workers: records.workers, ended: records.ended, backlog: backlogOf(records) } : {}),
    ...(jobs && records ? { jobs, moreJobs: records.jobs.length - jobs.length } : {}),
  }
}

function backlogOf({ backlog }: FleetRecords) {
  const tenants = [...backlog].sort(([a], [b]) => a - b)
  return {
    total: tenants.reduce((sum, [, count]) => sum + count, 0),
    tenants: Object.fromEntries(tenants) as Record<string, number>,
  }
}

/** The jobs that have not ended: running ones first, then shared ones, then those that wait. */
async function jobLines(records: FleetRecords, ports: Ports, limit: number): Promise<JobLine[]> {
  const order = ['running', 'fanned', 'waiting']
  const rank = (state: string | undefined) => order.indexOf(state ?? 'waiting')
  const first = records.jobs.toSorted((a, b) => rank(a.state) - rank(b.state)).slice(0, limit)
  const at = new Map(
    records.workers.flatMap(({ workerId, slots }) =>
      slots.flatMap((slot) => (slot.state === 'busy' ? [[slot.jobId, { workerId, slot }] as const] : [])),
    ),
  )
  return Promise.all(
    first.map(async (record): Promise<JobLine> => {
      const target = readTarget(record.body, ports.config)
      const held = at.get(record.jobId)
      const bar = target ? await progressOf(ports.redis(), target) : undefined
      const parts = records.parts.get(record.jobId)
      return {
        jobId: record.jobId,
        state: record.state ?? 'waiting',
        kind: target?.kind ?? null,
        tenantId: target?.tenantId ?? null,
        videoId: target?.videoId ?? null,
        stage: held?.slot.stage ?? bar?.step ?? null,
        percent: held?.slot.percent ?? bar?.percent ?? null,
        remainingSeconds: held?.slot.remainingSeconds ?? bar?.remaining_seconds ?? null,
        worker: record.state === 'running' ? (held?.workerId ?? record.owner.split(':')[0] ?? null) : null,
        leaseLeftSeconds:
          record.state === 'running' ? Math.round((record.leaseUntilMs - records.nowMs) / 1000) : null,
        parts: parts ?? null,
        ...{ starts: record.starts, failures: record.failures, crashes: record.crashes },
        releases: record.releases,
        cancelAsked: record.cancelAsked,
      }
    }),
  )
}

interface Bar {
  readonly step: string
  readonly percent: number
  readonly remaining_seconds: number | null
}

/** The product's own progress bar of a video: contract.md section 3. */
export async function progressOf(
  redis: RedisConsole,
  { tenantId, videoId }: { tenantId: number | undefined; videoId: number | undefined },
): Promise<Bar | undefined> {
  if (tenantId === undefined || videoId === undefined) return undefined
  try {
    const value = await redis.get(progressKey(tenantId, videoId))
    return value === null ? undefined : (JSON.parse(value) as Bar)
  } catch (error) {
    if (!(error instanceof SyntaxError) && !isRefusal(error)) throw error
    return undefined
  }
}
