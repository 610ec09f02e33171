import type { SlotReport, WorkerReport } from '../../shared/worker-report.ts'
import type { PartCounts } from './fleet.ts'
import { duration, plural, tableLines } from './format.ts'

/** One look at the fleet, as --json prints it. What could not be had is left out, and named in `problems`. */
export interface FleetStatus {
  /** ISO 8601. */
  readonly at: string
  readonly problems: readonly string[]
  readonly queue?: { name: string; waiting: number; inFlight: number; delayed: number }
  readonly deadLetters?: { name: string; count: number }
  /** Jobs that wait, as the fleet is scaled by. */
  readonly backlog?: { total: number; tenants: Readonly<Record<string, number>> }
  readonly workers?: readonly WorkerReport[]
  readonly jobs?: readonly JobLine[]
  /** Jobs that --limit left out. */
  readonly moreJobs?: number
  /** Of the last 15 days. */
  readonly ended?: { readonly done: number; readonly dead: number; readonly cancelled: number }
}

export interface JobLine {
  readonly jobId: string
  readonly state: string
  /** null: the job's message was not kept. */
  readonly kind: string | null
  readonly tenantId: number | null
  readonly videoId: number | null
  readonly stage: string | null
  readonly percent: number | null
  readonly remainingSeconds: number | null
  readonly worker: string | null
  /** Below 0: its worker has died, or is cut off; the next one takes it over. */
  readonly leaseLeftSeconds: number | null
  readonly parts: PartCounts | null
  readonly starts: number
  readonly failures: number
  readonly crashes: number
  readonly releases: number
  readonly cancelAsked: boolean
}

/** The same for people. Pure. */
export function statusLines(status: FleetStatus): string[] {
  const { queue, deadLetters, backlog, workers, jobs, ended, moreJobs = 0 } = status
  const lines = [
    ...(queue
      ? [
          `queue ${queue.name}: ${queue.waiting} waiting, ${queue.inFlight} in flight, ${queue.delayed} delayed`,
        ]
      : []),
    ...(deadLetters ? [`dead letters ${deadLetters.name}: ${deadLetters.count}`] : []),
    ...(backlog ? [`backlog: ${backlog.total}${tenantsOf(backlog.tenants)}`] : []),
    ...(ended
      ? [`ended in 15 days: ${ended.done} done, ${ended.dead} dead, ${ended.cancelled} cancelled`]
      : []),
    ...status.problems.map((problem) => `not to be had: ${problem}`),
  ]
  if (workers) lines.push('', ...workerLines(workers))
  if (jobs) lines.push('', ...jobTable(jobs))
  if (moreJobs > 0) lines.push(`… and ${plural(moreJobs, 'job')} more (--limit)`)
  return lines
}

function tenantsOf(tenants: Readonly<Record<string, number>>): string {
  const all = Object.entries(tenants)
  if (all.length === 0) return ''
  const shown = all
    .toSorted(([, a], [, b]) => b - a)
    .slice(0, 5)
    .map(([tenant, count]) => `tenant ${tenant}: ${count}`)
  return ` (${[...shown, ...(all.length > 5 ? ['…'] : [])].join(', ')})`
}

function workerLines(workers: readonly WorkerReport[]): string[] {
  if (workers.length === 0) return ['no worker has reported in the last 15 s']
  const rows = workers.map((worker) => {
    const busy = worker.slots.filter((slot) => slot.state === 'busy').length
    const up = (Date.parse(worker.reportedAt) - Date.parse(worker.startedAt)) / 1000
    return [
      worker.workerId,
      stateOf(worker),
      `${busy}/${worker.slots.length}`,
      duration(up),
      worker.version,
      worker.configHash,
      worker.slots.flatMap(slotWords).join('; ') || '-',
    ]
  })
  return tableLines(['worker', 'state', 'slots', 'up', 'version', 'config', 'does'], rows)
}

function stateOf({ state, apiAuthorized, scratchFree }: WorkerReport): string {
  const held = [...(apiAuthorized ? [] : ['token refused']), ...(scratchFree ? [] : ['scratch full'])]
  return held.length > 0 ? `${state} (${held.join(', ')})` : state
}

function slotWords(slot: SlotReport): string[] {
  if (slot.state === 'idle') return []
  return [`${slot.jobId} ${slot.stage} ${slot.percent} %`]
}

function jobTable(jobs: readonly JobLine[]): string[] {
  if (jobs.length === 0) return ['no job is under way']
  const rows = jobs.map((job) => [
    job.jobId,
    job.cancelAsked ? `${job.state} (cancel)` : job.state,
    job.tenantId === null ? '-' : String(job.tenantId),
    job.videoId === null ? '-' : String(job.videoId),
    job.stage ?? '-',
    job.percent === null ? '-' : `${job.percent} %`,
    duration(job.remainingSeconds),
    job.parts
      ? `${job.parts.done}/${job.parts.total}${job.parts.running > 0 ? ` (${job.parts.running} running)` : ''}`
      : '-',
    job.leaseLeftSeconds !== null && job.leaseLeftSeconds < 0 ? 'expired' : duration(job.leaseLeftSeconds),
    `${job.starts} (${job.failures} failed, ${job.crashes} crashed)`,
    job.worker ?? '-',
  ])
  return tableLines(
    ['job', 'state', 'tenant', 'video', 'stage', 'done', 'left', 'parts', 'lease', 'starts', 'worker'],
    rows,
  )
}
