import { readBacklog } from '../../shared/api-backlog.ts'
import type { BacklogConfig } from '../../shared/config-backlog.ts'
import { asWorkerError, type WorkerError } from '../../shared/errors.ts'
import type { QueueCounts } from '../../shared/queue-counts.ts'
import { driftOf } from '../../shared/reconcile/judge-counters.ts'
import type { CountingWorld } from '../../shared/reconcile/world.ts'
import type { CloudWatch } from './cloudwatch.ts'
import { type DriftReport, mendDrift, reasonOf } from './drift.ts'
import type { Group } from './group.ts'
import { type Metric, perInstance, queueMetric, videoMetrics } from './metrics.ts'

export interface PublisherPorts {
  readonly config: BacklogConfig
  readonly queues: QueueCounts
  readonly group: Group
  readonly cloudWatch: CloudWatch
  /** Undefined without REDIS_HOST: counters are not repaired. */
  readonly world: CountingWorld | undefined
}

/** contract.md section 7. A count that could not be learned is null, and `unknown` says why by the same name. */
export interface Answer {
  /** Visible messages of the queue. */
  readonly video_queue_depth: number | null
  readonly video_backlog_count: number | null
  readonly video_backlog_per_instance: number | null
  readonly drift: number | null
  readonly video_in_flight: number | null
  readonly video_delayed: number | null
  readonly instances: number | null
  /** Visible messages of each of EXTRA_QUEUES, by WorkerType. */
  readonly extra_queues: Readonly<Record<string, number | null>>
  /** Counters that are wrong, and what was done. */
  readonly counters: readonly DriftReport[]
  readonly unknown: Readonly<Record<string, string>>
  readonly published: readonly Metric[]
  readonly dry_run: boolean
}

export interface Run {
  readonly answer: Answer
  /** What must be shouted: the process ends with it, the Lambda fails with it. */
  readonly errors: readonly WorkerError[]
}

/**
 * Learns the counts and publishes them: the publisher's one minute. Without the API's count, the queue's or the
 * group's nothing is published at all, since each figure alone would lead the group astray; an extra queue that does
 * not answer takes only itself out. Rejects only with the signal's reason.
 */
export async function publishBacklog(
  ports: PublisherPorts,
  { dryRun, signal }: { dryRun: boolean; signal: AbortSignal },
): Promise<Run> {
  const { config, queues, cloudWatch } = ports
  const errors: WorkerError[] = []
  const unknown: Record<string, string> = {}

  async function learn<T>(name: string, ask: Promise<T>): Promise<T | null> {
    try {
      return await ask
    } catch (error) {
      signal.throwIfAborted()
      errors.push(asWorkerError(error))
      unknown[name] = reasonOf(error)
      return null
    }
  }

  const [backlog, queue, instances] = await Promise.all([
    learn('video_backlog_count', readBacklog({ ...config, signal })),
    learn('video_queue_depth', queues.attributes(config.queue.name, signal)),
    learn('instances', ports.group.instances(signal)),
  ])
  const extra = await Promise.all(
    [...config.extraQueues].map(async ([type, name]) => {
      const counts = await learn(`extra_queues.${type}`, queues.attributes(name, signal))
      return [type, counts?.waiting ?? null] as const
    }),
  )

  const drift = backlog === null || queue === null ? null : driftOf(backlog, queue)
  const known = backlog !== null && queue !== null && instances !== null && drift !== null
  const counts = known ? { backlog, visible: queue.waiting, instances, drift } : undefined
  const metrics = counts
    ? [
        ...videoMetrics(counts, config.group),
        ...extra.flatMap(([type, depth]) => (depth === null ? [] : [queueMetric(type, depth)])),
      ]
    : []
  const sent = dryRun || metrics.length === 0 || (await publish(metrics))
  const counters = drift === null ? [] : await mend(drift)
  return {
    errors,
    answer: {
      ...{ video_queue_depth: queue?.waiting ?? null, video_backlog_count: backlog },
      ...{ video_backlog_per_instance: counts ? perInstance(counts) : null, drift },
      ...{ video_in_flight: queue?.inFlight ?? null, video_delayed: queue?.delayed ?? null, instances },
      ...{ extra_queues: Object.fromEntries(extra), counters, unknown },
      ...{ published: dryRun || !sent ? [] : metrics, dry_run: dryRun },
    },
  }

  async function publish(metrics: readonly Metric[]): Promise<boolean> {
    return (
      (await learn(
        'published',
        cloudWatch.publish(metrics, signal).then(() => true),
      )) ?? false
    )
  }

  /** After the metrics, which it must not hold up; its failure is told and is no reason to shout. */
  async function mend(drift: number): Promise<DriftReport[]> {
    if (!ports.world) {
      unknown.counters = 'REDIS_HOST is not set: counters are not repaired'
      return []
    }
    try {
      return await mendDrift(ports.world, drift, { dryRun, signal })
    } catch (error) {
      signal.throwIfAborted()
      unknown.counters = reasonOf(error)
      return []
    }
  }
}
