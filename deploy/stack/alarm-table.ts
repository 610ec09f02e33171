import type { CloudMetricName } from './cloud-metrics.ts'
import type { Settings } from './settings.ts'

/** One alarm: its section in docs/runbook.md has its name, and a test holds the two equal. */
export interface AlarmRow {
  /** One sentence: what it means when it goes off. */
  readonly means: string
  /** A metric alone, or several with `expression`, in which each has its own name. */
  readonly metrics: readonly CloudMetricName[]
  readonly expression?: string
  readonly comparison: '>' | '>=' | '<'
  readonly threshold: (settings: Settings) => number
  /** Goes off when `of` of the last `periods` minutes (times `everyMinutes`) are over the threshold. */
  readonly of: number
  readonly periods: number
  readonly everyMinutes?: number
  /** What a minute without data counts as. SQS says nothing of a queue that nobody touched for six hours. */
  readonly silence: 'breaching' | 'notBreaching'
  readonly when?: (settings: Settings) => boolean
}

const one = () => 1
const hours = (count: number) => count * 3600

export const alarms = {
  'publisher-errors': {
    means: 'The publisher of the backlog fails: the fleet scales by old news, then not at all.',
    metrics: ['publisherErrors'],
    ...{ comparison: '>=', threshold: one, of: 3, periods: 5, silence: 'notBreaching' },
  },
  'publisher-silent': {
    means: 'No backlog has been published for five minutes: the fleet stays as large as it is.',
    metrics: ['published'],
    ...{ comparison: '<', threshold: one, of: 5, periods: 5, silence: 'breaching' },
  },
  'dead-letters': {
    means: 'Jobs were given up, or messages were no jobs: they lie in the dead-letter queue.',
    metrics: ['dead'],
    ...{ comparison: '>=', threshold: one, of: 1, periods: 5, silence: 'notBreaching' },
  },
  'dead-letters-old': {
    means: 'A dead letter will soon be older than its queue keeps it, and is then gone.',
    metrics: ['deadOldest'],
    comparison: '>',
    threshold: ({ queues }) => hours((queues.deadLetterRetentionDays - 3) * 24),
    ...{ of: 1, periods: 1, everyMinutes: 60, silence: 'notBreaching' },
  },
  'message-old': {
    means: 'A message has been in the queue for very long: nobody takes it, or nobody ends it.',
    metrics: ['oldest'],
    comparison: '>',
    threshold: ({ alarms }) => hours(alarms.messageHours),
    ...{ of: 3, periods: 3, everyMinutes: 5, silence: 'notBreaching' },
  },
  'delete-old': {
    means: 'A delete has been waiting for a day: nobody works on the queue of the deletes.',
    metrics: ['deletesOldest'],
    comparison: '>',
    threshold: () => hours(24),
    ...{ of: 3, periods: 3, everyMinutes: 5, silence: 'notBreaching' },
    when: ({ queues }) => queues.deleteName !== '',
  },
  'backlog-high': {
    means: 'More jobs wait for each instance than a fleet that scales should let wait.',
    metrics: ['backlogPerInstance'],
    comparison: '>',
    threshold: ({ alarms }) => alarms.backlogPerInstance,
    ...{ of: 30, periods: 30, silence: 'notBreaching' },
  },
  'backlog-drift': {
    means: 'The backlog’s counter and the queue disagree for longer than they take to settle.',
    metrics: ['drift'],
    expression: 'ABS(drift)',
    ...{ comparison: '>', threshold: () => 0, of: 15, periods: 15, silence: 'notBreaching' },
  },
  'no-workers': {
    means: 'Jobs wait, and no instance is in service.',
    metrics: ['backlog', 'inService'],
    expression: 'IF(backlog > 0 AND FILL(inService, 0) < 1, 1, 0)',
    ...{ comparison: '>=', threshold: one, of: 15, periods: 15, silence: 'notBreaching' },
  },
  'launches-fail': {
    means: 'Fewer instances are in service than the group wants: none to be had, or they do not boot.',
    metrics: ['desired', 'inService'],
    expression: 'desired - FILL(inService, 0)',
    ...{ comparison: '>=', threshold: one, of: 20, periods: 20, silence: 'notBreaching' },
  },
  'fleet-at-max': {
    means: 'The fleet has been as large as it may be for an hour, and jobs still wait.',
    metrics: ['desired', 'largest', 'backlog'],
    expression: 'IF(desired >= largest AND backlog > 0, 1, 0)',
    ...{ comparison: '>=', threshold: one, of: 60, periods: 60, silence: 'notBreaching' },
  },
  'workers-idle': {
    means: 'Messages are there and instances too, but nobody receives: no worker runs, or polling is held.',
    metrics: ['visible', 'received', 'inService'],
    expression: 'IF(visible > 0 AND FILL(received, 0) < 1 AND inService > 0, 1, 0)',
    ...{ comparison: '>=', threshold: one, of: 30, periods: 30, silence: 'notBreaching' },
  },
  'worker-errors': {
    means: 'Workers write many lines of level error.',
    metrics: ['errorLines'],
    comparison: '>=',
    threshold: ({ alarms }) => alarms.errorLines,
    ...{ of: 1, periods: 1, everyMinutes: 15, silence: 'notBreaching' },
  },
} as const satisfies Record<string, AlarmRow>

export type AlarmName = keyof typeof alarms

/** Those that these settings have. */
export function alarmsOf(settings: Settings): [AlarmName, AlarmRow][] {
  const rows = Object.entries(alarms) as [AlarmName, AlarmRow][]
  return rows.filter(([, { when }]) => when?.(settings) ?? true)
}
