/** One point of a metric, unit Count. */
export interface Metric {
  readonly namespace: string
  readonly name: string
  readonly value: number
  readonly dimensions: Readonly<Record<string, string>>
}

export interface VideoCounts {
  /** Jobs that wait, by the API. */
  readonly backlog: number
  /** Messages of the queue that are visible. */
  readonly visible: number
  /** Instances in service. */
  readonly instances: number
  /** judge-counters.ts, driftOf. */
  readonly drift: number
}

/** contract.md section 7. */
const namespace = 'Academy/VideoProcessing'
const otherNamespace = 'Academy/Workers'

/**
 * What target tracking follows. A ratio to no instances has no value: then it is the backlog itself, so that the group
 * can start from zero; and at least the messages that are visible, since some stand in no backlog (joins of shared
 * videos, films of the catalogue, everything after a wipe of Redis) and would wait for ever.
 */
export function perInstance({ backlog, visible, instances }: Omit<VideoCounts, 'drift'>): number {
  return instances > 0 ? backlog / instances : Math.max(backlog, visible)
}

/** Zeros included: a group that hears nothing does not scale. Pure. */
export function videoMetrics(counts: VideoCounts, group: string): Metric[] {
  const dimensions = { WorkerType: 'Video', AutoScalingGroupName: group }
  const values = {
    BacklogCount: counts.backlog,
    BacklogPerInstance: perInstance(counts),
    BacklogDrift: counts.drift,
  }
  return Object.entries(values).map(([name, value]) => ({ namespace, name, value, dimensions }))
}

/** The visible messages of another worker's queue. Pure. */
export function queueMetric(workerType: string, depth: number): Metric {
  return {
    namespace: otherNamespace,
    name: 'QueueDepth',
    value: depth,
    dimensions: { WorkerType: workerType },
  }
}
