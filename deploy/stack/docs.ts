import { readFileSync, writeFileSync } from 'node:fs'
import { markdownTable } from '../../shared/markdown.ts'
import { type AlarmName, type AlarmRow, alarms } from './alarm-table.ts'
import { type CloudMetric, cloudMetrics } from './cloud-metrics.ts'
import { exceptionsOf } from './exceptions.ts'
import { grafanaDashboard } from './grafana.ts'
import { grants, type Role } from './policies.ts'
import { readSettings, type Settings, settingsTable } from './settings.ts'

/**
 * What is made from the tables of the stack: parts of pages, between `<!-- name -->` and `<!-- /name -->`, and Grafana's
 * dashboard. `node deploy/stack/docs.ts` writes it again, and a test holds it equal.
 */
export const parts: Readonly<Record<string, Readonly<Record<string, () => string>>>> = {
  'docs/deploy.md': { settings: () => markdownTable(['Setting', 'Default', 'Meaning'], settingsTable()) },
  'docs/iam.md': {
    worker: () => grantsTable('worker'),
    publisher: () => grantsTable('publisher'),
    operator: () => grantsTable('operator'),
    exceptions: () =>
      markdownTable(
        ['Where', 'Rule', 'Why it is kept'],
        exceptionsOf(exampleSettings()).map(({ at, id, reason }) => [`\`${at}\``, `\`${id}\``, reason]),
      ),
  },
  'docs/runbook.md': { alarms: alarmsTable, metrics: metricsTable },
}

const fileOf = (path: string) => new URL(`../../${path}`, import.meta.url)

/** The page with its made parts as they should be. */
export function pageOf(path: string): string {
  let text = readFileSync(fileOf(path), 'utf8')
  for (const [name, make] of Object.entries(parts[path] ?? {})) {
    const [before, rest] = text.split(`<!-- ${name} -->`)
    const after = rest?.split(`<!-- /${name} -->`)[1]
    if (before === undefined || after === undefined) throw new Error(`${path} has no place for ${name}`)
    text = `${before}<!-- ${name} -->\n${make()}\n<!-- /${name} -->${after}`
  }
  return text
}

export function grafanaText(): string {
  return `${JSON.stringify(grafanaDashboard(), null, 2)}\n`
}

function grantsTable(role: Role): string {
  const rows = grants[role].map(({ actions, on, by, why, condition, when }) => [
    actions.map((action) => `\`${action}\``).join(', '),
    on.map((target) => targets[target] ?? target).join(', '),
    by,
    `${why}${condition ? `; condition: \`${JSON.stringify(condition)}\`` : ''}${when ? ' *' : ''}`,
  ])
  return markdownTable(['Actions', 'On', 'Called by', 'What for'], rows)
}

const targets: Readonly<Record<string, string>> = {
  queue: 'the queue',
  deadLetters: 'the dead-letter queue',
  deleteQueue: 'the queue of the deletes',
  extraQueues: '`EXTRA_QUEUES`',
  group: 'the group, by its name',
  apiEnv: '`parameters.apiEnv`',
  workerEnv: '`parameters.workerEnv`',
  publisherEnv: '`parameters.publisherEnv`',
  image: '`parameters.image`',
  key: '`parameters.kmsKeyArn`',
  repository: 'the repository',
  workerLog: 'the workers’ log group',
  publisherLog: 'the publisher’s log group',
  code: '`run.codeUri`',
  any: '`*`',
}

/** The thresholds as the example of the settings has them. */
function alarmsTable(): string {
  const settings = exampleSettings()
  const rows = (Object.entries(alarms) as [AlarmName, AlarmRow][]).map(([name, row]) => [
    `[\`${name}\`](#${name})`,
    `\`${row.expression ?? row.metrics.join(', ')}\` ${row.comparison} ${row.threshold(settings)}`,
    `${row.of} of ${row.periods} times ${row.everyMinutes ?? 1} min`,
    row.silence === 'breaching' ? 'goes off' : 'is well',
  ])
  return markdownTable(['Alarm', 'Goes off when', 'For', 'No data'], rows)
}

function metricsTable(): string {
  const rows = (Object.entries(cloudMetrics) as [string, CloudMetric][]).map(([id, metric]) => [
    `\`${id}\``,
    `\`${metric.namespace}\``,
    `\`${metric.name}\``,
    metric.statistic,
    metric.label,
  ])
  return markdownTable(['Name', 'Namespace', 'Metric', 'Statistic', 'What'], rows)
}

export function exampleSettings(): Settings {
  const name = 'deploy/stack/settings.example.json'
  return readSettings(readFileSync(fileOf(name), 'utf8'), name)
}

if (import.meta.main) {
  for (const path of Object.keys(parts)) writeFileSync(fileOf(path), pageOf(path))
  writeFileSync(fileOf('deploy/stack/grafana.json'), grafanaText())
}
