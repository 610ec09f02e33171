import { readFileSync } from 'node:fs'
import { describe, expect, test } from '@jest/globals'
import { commands } from '../../../deploy/commands/table.ts'
import { alarms } from '../../../deploy/stack/alarm-table.ts'
import { type CloudMetric, cloudMetrics } from '../../../deploy/stack/cloud-metrics.ts'
import { dashboardBody } from '../../../deploy/stack/dashboard.ts'
import { exampleSettings, grafanaText, pageOf, parts } from '../../../deploy/stack/docs.ts'
import { metricPrefix, metricTable } from '../../../shared/metric-table.ts'

const read = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8')
const runbook = read('docs/runbook.md')
const headings = [...runbook.matchAll(/^## (.+)$/gm)].map(([, title]) => title!)

test.each(Object.keys(parts))('%s holds what is made from the tables', (path) => {
  expect(read(path)).toBe(pageOf(path))
})

test('deploy/stack/grafana.json is what the table makes', () => {
  expect(read('deploy/stack/grafana.json')).toBe(grafanaText())
})

describe('the runbook', () => {
  /** Sections of the page that are no alarm. */
  const others = ['Where to stand', 'What goes off when', 'The metrics behind it']

  test('has a section for each alarm, and an alarm for each section', () => {
    expect(headings.filter((title) => !others.includes(title)).sort()).toEqual(Object.keys(alarms).sort())
  })

  test('says in each what it means, what to look at and what to do', () => {
    const lacking = Object.keys(alarms).filter((name) => {
      const section = runbook.split(`\n## ${name}\n`)[1]?.split('\n## ')[0] ?? ''
      return !['Means', 'Look', 'Do'].every((word) => section.includes(`**${word}.**`))
    })
    expect(lacking).toEqual([])
  })

  test('names only commands of video-worker that there are', () => {
    const names = Object.keys(commands)
    const said = [
      ...`${runbook}\n${read('docs/deploy.md')}`.matchAll(/npx video-worker (\w+(?: [a-z]+)?)/g),
    ].map(([, name]) => name!)
    const unknown = said.filter((name) => !names.includes(name) && !names.includes(name.split(' ')[0]!))
    expect(said.length).toBeGreaterThan(20)
    expect(unknown).toEqual([])
  })
})

describe('alarms', () => {
  test('name in an expression the metrics that they have, and no others', () => {
    for (const row of Object.values(alarms)) {
      if (!('expression' in row)) expect(row.metrics).toHaveLength(1)
      else {
        const words = row.expression.match(/\b[a-z]\w*\b/g) ?? []
        expect([...new Set(words)].sort()).toEqual([...row.metrics].sort())
      }
    }
  })

  test('look back no further than CloudWatch does', () => {
    for (const row of Object.values(alarms)) {
      const minutes = row.periods * ('everyMinutes' in row ? row.everyMinutes : 1)
      expect(minutes).toBeLessThanOrEqual(24 * 60)
      expect(row.of).toBeLessThanOrEqual(row.periods)
    }
  })
})

describe('the dashboards', () => {
  test('of CloudWatch shows every metric of the table but those of a queue that is not there', () => {
    const { widgets } = dashboardBody(exampleSettings())
    const text = JSON.stringify(widgets)
    const all: CloudMetric[] = Object.values(cloudMetrics)
    const absent = all.filter(({ of, label }) => of !== 'deleteQueue' && !text.includes(`"${label}"`))
    expect(absent).toEqual([])
    expect(text).not.toContain('oldest delete')
  })

  test('of CloudWatch asks the log for a line that the worker writes once a job', () => {
    const text = JSON.stringify(dashboardBody(exampleSettings()))
    const [, line] = /filter msg = \\"([^"\\]+)\\"/.exec(text) ?? []
    expect(line).toBeDefined()
    expect(read('worker/slot.ts').split(`'${line}'`)).toHaveLength(2)
  })

  test('of CloudWatch has no two widgets in one place, and none beyond the edge', () => {
    const { widgets } = dashboardBody(exampleSettings())
    const places = widgets.map(({ x, y }) => `${x},${y}`)
    expect(new Set(places).size).toBe(places.length)
    expect(widgets.filter(({ x, width }) => x + width > 24)).toEqual([])
  })

  test('of Grafana asks for every metric of the workers, by its labels', () => {
    const text = grafanaText()
    const absent = metricTable.filter(({ name }) => !text.includes(`${metricPrefix}${name}`))
    expect(absent.map(({ name }) => name)).toEqual([])
    const { panels } = JSON.parse(text) as { panels: { title: string; type: string }[] }
    expect(panels.filter(({ type }) => type !== 'row')).toHaveLength(metricTable.length)
    expect(text).toContain('sum by (le, stage) (rate(video_worker_stage_seconds_bucket')
  })
})
