import {
  Counter,
  collectDefaultMetrics,
  Gauge,
  type GaugeConfiguration,
  Histogram,
  Registry,
} from 'prom-client'
import { type MetricName, metricPrefix, metricTable } from './metric-table.ts'

/** What the members of Metrics are, by the type that the table gives them. */
interface Instruments {
  counter: Counter
  gauge: Gauge
  histogram: Histogram
}
type Row<N extends MetricName> = Extract<(typeof metricTable)[number], { name: N }>

/** One member for each row of the table, under the row's own name. */
export type Metrics = { readonly [N in MetricName]: Instruments[Row<N>['type']] } & {
  /** Writes the page for Prometheus: our metrics, and those of the process under their usual names. */
  readonly registry: Registry
}

/**
 * A new set of metrics in a registry of its own (nothing is shared between two workers or tests in one process).
 * `defaults: false` leaves out the metrics of the Node process.
 */
export function createMetrics({ defaults = true }: { defaults?: boolean } = {}): Metrics {
  const registry = new Registry()
  if (defaults) collectDefaultMetrics({ register: registry })
  const members = metricTable.map((row) => {
    const options = {
      name: metricPrefix + row.name,
      help: row.help,
      labelNames: [...row.labels],
      registers: [registry],
    }
    if (row.type === 'counter') return [row.name, new Counter(options)]
    if (row.type === 'gauge') return [row.name, silentGauge(options)]
    return [row.name, new Histogram({ ...options, buckets: [...row.buckets] })]
  })
  return {
    ...(Object.fromEntries(members) as { [N in MetricName]: Instruments[Row<N>['type']] }),
    registry,
  }
}

/** prom-client starts a gauge without labels at 0; here one that nobody has set is absent: a 0 would be a lie. */
function silentGauge(options: GaugeConfiguration<string>): Gauge {
  const gauge = new Gauge(options)
  if (options.labelNames?.length === 0) gauge.remove()
  return gauge
}
