import { type AlarmName, alarmsOf } from './alarm-table.ts'
import { type CloudMetric, cloudMetrics } from './cloud-metrics.ts'
import { dimensionsOf, namesOf } from './names.ts'
import type { Settings } from './settings.ts'

const columns = 24
const height = 6

interface Widget {
  readonly type: 'metric' | 'log' | 'text'
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
  readonly properties: object
}

/** What is asked of the workers' log. */
const questions = {
  'Jobs that ended, by what became of them': [
    'filter msg = "job settled"',
    'stats count(*) by outcome, bin(15m)',
  ],
  'Errors of the last hours': [
    'filter level in ["error", "fatal"]',
    'stats count(*) as lines, latest(@timestamp) as last by msg, err.code',
    'sort lines desc',
    'limit 20',
  ],
} as const

/**
 * The CloudWatch dashboard, made from the one table of its metrics: a graph for each of the table's groups, the alarms'
 * thresholds drawn in, and two questions to the log. Pure.
 */
export function dashboardBody(settings: Settings): { widgets: Widget[] } {
  const groups = [...Map.groupBy(metricsOf(settings), (metric) => metric.on)]
  const width = columns / 2
  const at = (index: number) => ({
    x: (index % 2) * width,
    y: 3 + Math.floor(index / 2) * height,
    width,
    height,
  })
  const graphs = groups.map(([title, metrics], index): Widget => {
    const properties = {
      ...{ title, view: 'timeSeries', region: settings.region, period: 60 },
      metrics: metrics.map((metric) => seriesOf(metric, settings)),
      annotations: { horizontal: linesOf(metrics, settings) },
    }
    return { type: 'metric', ...at(index), properties }
  })
  const logs = Object.entries(questions).map(([title, lines], index): Widget => {
    const query = [`SOURCE '${namesOf(settings).workerLog}'`, ...lines].join(' | ')
    const properties = { title, query, region: settings.region, view: 'table' }
    return { type: 'log', ...at(groups.length + index), properties }
  })
  const markdown = [
    `# ${settings.stackName}`,
    `Alarms begin with \`${settings.stackName}-\`; each names its section of ${settings.alarms.runbook}.`,
  ].join('\n')
  const head: Widget = { type: 'text', x: 0, y: 0, width: columns, height: 3, properties: { markdown } }
  return { widgets: [head, ...graphs, ...logs] }
}

function metricsOf({ queues }: Settings): CloudMetric[] {
  const all: CloudMetric[] = Object.values(cloudMetrics)
  return all.filter(({ of }) => of !== 'deleteQueue' || queues.deleteName !== '')
}

/** `[namespace, name, dimension, value, …, options]`, as CloudWatch writes a series. */
function seriesOf(metric: CloudMetric, settings: Settings): unknown[] {
  const { namespace, name, label, statistic } = metric
  // Ages are seconds in the hundreds of thousands beside counts of a few.
  const yAxis = /, (s|ms)$/.test(label) ? 'right' : 'left'
  const dimensions = Object.entries(dimensionsOf(metric, settings)).flat()
  return [namespace, name, ...dimensions, { label, stat: statistic, yAxis }]
}

/** The thresholds of the alarms that look at one of these metrics alone. */
function linesOf(metrics: readonly CloudMetric[], settings: Settings) {
  const shown = new Set(metrics)
  return alarmsOf(settings).flatMap(([name, row]: [AlarmName, ReturnType<typeof alarmsOf>[number][1]]) => {
    const [only] = row.metrics
    const metric: CloudMetric | undefined = only && cloudMetrics[only]
    if (row.expression !== undefined || !metric || !shown.has(metric)) return []
    const yAxis = /, (s|ms)$/.test(metric.label) ? 'right' : 'left'
    return [{ label: name, value: row.threshold(settings), yAxis }]
  })
}
