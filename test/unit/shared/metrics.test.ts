import { describe, expect, test } from '@jest/globals'
import { metricPrefix, metricTable } from '../../../shared/metric-table.ts'
import { createMetrics } from '../../../shared/metrics.ts'

describe('the metrics', () => {
  test('of the page are those of the table, both ways', async () => {
    const { registry } = createMetrics({ defaults: false })
    const made = registry.getMetricsAsArray() as unknown as { name: string; type: string; help: string }[]
    const row = ({ name, type, help }: { name: string; type: string; help: string }) => ({
      name,
      type: String(type),
      help,
    })
    expect(made.map(row)).toEqual(metricTable.map((each) => row({ ...each, name: metricPrefix + each.name })))
  })

  test('take exactly the labels of the table', async () => {
    const metrics = createMetrics({ defaults: false })
    metrics.jobs_total.inc({ kind: 'transcode', outcome: 'done' })
    metrics.job_seconds.observe({ kind: 'transcode', outcome: 'done' }, 12)
    metrics.slots.set({ state: 'busy' }, 2)
    metrics.bytes_uploaded_total.inc(1e6)
    expect(() => metrics.jobs_total.inc({ tenant: '7' })).toThrow()
    const body = await metrics.registry.metrics()
    expect(body).toContain('video_worker_jobs_total{kind="transcode",outcome="done"} 1\n')
    expect(body).toContain('video_worker_job_seconds_bucket{le="15",kind="transcode",outcome="done"} 1\n')
    expect(body).toContain('video_worker_slots{state="busy"} 2\n')
    expect(body).toContain('video_worker_bytes_uploaded_total 1000000\n')
  })

  test('do not claim a lease slack of 0 when there is no lease', async () => {
    const metrics = createMetrics({ defaults: false })
    const pattern = /^video_worker_lease_slack_seconds (.*)$/m
    expect(await metrics.registry.metrics()).not.toMatch(pattern)
    metrics.lease_slack_seconds.set(104.5)
    expect(pattern.exec(await metrics.registry.metrics())?.[1]).toBe('104.5')
    metrics.lease_slack_seconds.remove()
    expect(await metrics.registry.metrics()).not.toMatch(pattern)
  })

  test('of the process stand beside them', async () => {
    const body = await createMetrics().registry.metrics()
    expect(body).toContain('process_resident_memory_bytes')
    expect(body).toContain('nodejs_eventloop_lag_seconds')
  })

  test('of two workers in one process are two', async () => {
    const [one, other] = [createMetrics(), createMetrics()]
    one.poison_total.inc()
    expect(await other.registry.metrics()).toContain('video_worker_poison_total 0\n')
  })
})

describe('the table', () => {
  test.each(metricTable.map((row) => [row.name, row] as const))(
    'names %s as Prometheus asks',
    (name, row) => {
      expect(name).toMatch(/^[a-z][a-z_]*[a-z]$/)
      expect(name.endsWith('_total')).toBe(row.type === 'counter')
      if (row.unit === 'seconds') expect(name).toMatch(/_seconds$/)
      expect(row.help).toMatch(/[^.]$/)
    },
  )

  test('has no label that grows with the number of jobs or tenants', () => {
    const labels = metricTable.flatMap((row): readonly string[] => row.labels)
    expect(labels.filter((label) => /job|video|tenant|worker|key|id$/.test(label))).toEqual([])
  })
})
