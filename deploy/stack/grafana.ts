import { type MetricName, metricPrefix, metricTable } from '../../shared/metric-table.ts'

type Row = (typeof metricTable)[number]

/** Grafana's names of the table's units; what is not here is a plain number. */
const units: Partial<Record<Row['unit'], string>> = { seconds: 's', bytes: 'bytes' }

/** Panels that a reader looks for together, in this order; a metric that is in none of them fails a test. */
const sections: Readonly<Record<string, readonly MetricName[]>> = {
  Jobs: ['jobs_total', 'job_seconds', 'stage_seconds', 'encode_speed', 'ffmpeg_runs_total', 'slots'],
  Bytes: [
    ...(['bytes_downloaded_total', 'bytes_uploaded_total', 'segments_uploaded_total'] as const),
    ...(['upload_retries_total', 'source_retries_total'] as const),
  ],
  'Queue and API': [
    ...([
      'polls_total',
      'lease_beats_total',
      'lease_slack_seconds',
      'poison_total',
      'api_calls_total',
    ] as const),
  ],
  'Coming and going': [
    ...(['notices_total', 'drain_left_seconds', 'scale_in_protected'] as const),
    ...(['protection_calls_total', 'metadata_calls_total'] as const),
  ],
}

const columns = 24
const width = 8
const height = 7
// Grafana puts in what the reader chose: a variable of the dashboard, not of this program.
const source = { type: 'prometheus', uid: `$${'{source}'}` }

/**
 * A dashboard of Grafana for the workers' `/metrics`, made from the table of the metrics: `node deploy/stack/docs.ts`
 * writes deploy/stack/grafana.json. Pure.
 */
export function grafanaDashboard(): object {
  let y = 0
  let id = 0
  const panels = Object.entries(sections).flatMap(([title, names]) => {
    const head = {
      id: ++id,
      type: 'row',
      title,
      collapsed: false,
      gridPos: { x: 0, y: y++, w: columns, h: 1 },
    }
    const made = names.map((name, index) => {
      const place = { x: (index % 3) * width, y: y + Math.floor(index / 3) * height, w: width, h: height }
      return panelOf(rowOf(name), ++id, place)
    })
    y += Math.ceil(names.length / 3) * height
    return [head, ...made]
  })
  const instances = `label_values(${metricPrefix}slots, instance)`
  return {
    ...{ title: 'Video workers', uid: 'video-workers', schemaVersion: 39, version: 1, editable: true },
    ...{ refresh: '30s', time: { from: 'now-6h', to: 'now' } },
    templating: {
      list: [
        { name: 'source', label: 'Prometheus', type: 'datasource', query: 'prometheus' },
        {
          ...{ name: 'instance', label: 'Worker', type: 'query', datasource: source, refresh: 2 },
          ...{
            query: { query: instances, refId: 'instances' },
            multi: true,
            includeAll: true,
            allValue: '.*',
          },
          current: { text: 'All', value: '$__all' },
        },
      ],
    },
    panels,
  }
}

function rowOf(name: MetricName): Row {
  return metricTable.find((row) => row.name === name)!
}

function panelOf(row: Row, id: number, gridPos: object): object {
  const { help, name, unit } = row
  return {
    ...{ id, type: 'timeseries', title: name.replaceAll('_', ' '), description: `${help} (${unit}).` },
    ...{ datasource: source, gridPos },
    fieldConfig: { defaults: { unit: unitOf(row), min: 0 }, overrides: [] },
    options: {
      legend: { displayMode: 'list', placement: 'bottom' },
      tooltip: { mode: 'multi', sort: 'desc' },
    },
    targets: queriesOf(row).map(([expr, legendFormat], index) => ({
      ...{ refId: String.fromCharCode(65 + index), datasource: source, expr, legendFormat },
    })),
  }
}

/** A counter is shown as its rate. */
function unitOf({ type, unit }: Row): string {
  if (type !== 'counter') return units[unit] ?? 'short'
  return unit === 'bytes' ? 'Bps' : 'ops'
}

/** What Prometheus is asked, and the legend. */
function queriesOf({ type, name, labels }: Row): [string, string][] {
  const metric = `${metricPrefix}${name}`
  const of = '{instance=~"$instance"}'
  const each = labels.map((label) => `{{${label}}}`).join(' ')
  const by = (names: readonly string[]) => (names.length === 0 ? '' : ` by (${names.join(', ')})`)
  if (type === 'counter')
    return [[`sum${by(labels)} (rate(${metric}${of}[$__rate_interval]))`, each || 'all']]
  if (type === 'gauge')
    return labels.length === 0
      ? [[`${metric}${of}`, '{{instance}}']]
      : [[`sum${by(labels)} (${metric}${of})`, each]]
  const buckets = `sum${by(['le', ...labels])} (rate(${metric}_bucket${of}[$__rate_interval]))`
  return [0.5, 0.95].map((part) => [
    `histogram_quantile(${part}, ${buckets})`,
    `p${part * 100} ${each}`.trim(),
  ])
}
