import { queueMetric, videoMetrics } from '../backlog/metrics.ts'

/** What a metric is of; the stack knows their names. */
export type Owner = 'fleet' | 'queue' | 'deadLetters' | 'deleteQueue' | 'group' | 'publisher' | 'logs'

/** One metric of CloudWatch as alarms and dashboard use it. */
export interface CloudMetric {
  readonly of: Owner
  readonly namespace: string
  readonly name: string
  readonly statistic: 'Average' | 'Maximum' | 'Minimum' | 'Sum' | 'SampleCount'
  /** Group of the dashboard. */
  readonly on: 'Backlog' | 'Queues' | 'Instances' | 'Publisher' | 'Workers'
  readonly label: string
}

const sqs = { namespace: 'AWS/SQS', on: 'Queues' } as const
const group = { namespace: 'AWS/AutoScaling', of: 'group', statistic: 'Average', on: 'Instances' } as const
const lambda = { namespace: 'AWS/Lambda', of: 'publisher', on: 'Publisher' } as const

/** What the publisher sends, by its own table: a name that it does not send is no metric here. */
const published = new Map(
  videoMetrics({ backlog: 0, visible: 0, instances: 0, drift: 0 }, '').map((metric) => [metric.name, metric]),
)
function ours(name: string, label: string): CloudMetric {
  const metric = published.get(name)
  if (!metric) throw new Error(`the publisher sends no ${name}`)
  return { of: 'fleet', namespace: metric.namespace, name, statistic: 'Average', on: 'Backlog', label }
}

/** The namespace of everything that the publisher sends of the fleet; its role may write no other but that of `QueueDepth`. */
export const publishedNamespaces = [
  ...new Set([...published.values(), queueMetric('', 0)].map((each) => each.namespace)),
]

/** Every metric of CloudWatch that the fleet is watched by; the workers' own are in shared/metric-table.ts. */
export const cloudMetrics = {
  backlog: ours('BacklogCount', 'jobs that wait'),
  backlogPerInstance: ours('BacklogPerInstance', 'jobs that wait for each instance'),
  drift: ours('BacklogDrift', 'what backlog and queue disagree by'),
  published: { ...ours('BacklogCount', 'times published'), statistic: 'SampleCount', on: 'Publisher' },
  visible: {
    ...sqs,
    of: 'queue',
    name: 'ApproximateNumberOfMessagesVisible',
    statistic: 'Maximum',
    label: 'visible',
  },
  inFlight: {
    ...sqs,
    of: 'queue',
    name: 'ApproximateNumberOfMessagesNotVisible',
    statistic: 'Maximum',
    label: 'in flight',
  },
  received: { ...sqs, of: 'queue', name: 'NumberOfMessagesReceived', statistic: 'Sum', label: 'received' },
  deleted: { ...sqs, of: 'queue', name: 'NumberOfMessagesDeleted', statistic: 'Sum', label: 'deleted' },
  oldest: {
    ...sqs,
    of: 'queue',
    name: 'ApproximateAgeOfOldestMessage',
    statistic: 'Maximum',
    label: 'age of the oldest, s',
  },
  dead: {
    ...sqs,
    of: 'deadLetters',
    name: 'ApproximateNumberOfMessagesVisible',
    statistic: 'Maximum',
    label: 'dead letters',
  },
  deadOldest: {
    ...sqs,
    of: 'deadLetters',
    name: 'ApproximateAgeOfOldestMessage',
    statistic: 'Maximum',
    label: 'oldest dead letter, s',
  },
  deletesOldest: {
    ...sqs,
    of: 'deleteQueue',
    name: 'ApproximateAgeOfOldestMessage',
    statistic: 'Maximum',
    label: 'oldest delete, s',
  },
  desired: { ...group, name: 'GroupDesiredCapacity', label: 'wanted' },
  inService: { ...group, name: 'GroupInServiceInstances', label: 'in service' },
  pending: { ...group, name: 'GroupPendingInstances', label: 'starting' },
  terminating: { ...group, name: 'GroupTerminatingInstances', label: 'ending' },
  largest: { ...group, name: 'GroupMaxSize', label: 'at most' },
  publisherErrors: { ...lambda, name: 'Errors', statistic: 'Sum', label: 'errors' },
  publisherTime: { ...lambda, name: 'Duration', statistic: 'Maximum', label: 'duration, ms' },
  errorLines: {
    ...{ of: 'logs', namespace: 'Academy/VideoProcessing', name: 'WorkerErrors', statistic: 'Sum' },
    ...{ on: 'Workers', label: 'error lines of the workers' },
  },
} as const satisfies Record<string, CloudMetric>

export type CloudMetricName = keyof typeof cloudMetrics
