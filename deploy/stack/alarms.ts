import { Aws, type Stack } from 'aws-cdk-lib'
import { CfnAlarm } from 'aws-cdk-lib/aws-cloudwatch'
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import { Topic } from 'aws-cdk-lib/aws-sns'
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions'
import { type AlarmName, type AlarmRow, alarmsOf } from './alarm-table.ts'
import { type CloudMetric, type CloudMetricName, cloudMetrics } from './cloud-metrics.ts'
import { dimensionsOf } from './names.ts'
import type { Settings } from './settings.ts'

const comparisons = {
  '>': 'GreaterThanThreshold',
  '>=': 'GreaterThanOrEqualToThreshold',
  '<': 'LessThanThreshold',
} as const

/** Every alarm of the table, each telling where its section of the runbook is. */
export function makeAlarms(stack: Stack, settings: Settings): void {
  const topic = settings.alarms.topicArn || makeTopic(stack, settings)
  for (const [name, row] of alarmsOf(settings)) {
    new CfnAlarm(stack, `Alarm${asId(name)}`, {
      alarmName: `${settings.stackName}-${name}`,
      alarmDescription: `${row.means} What to do: ${settings.alarms.runbook}#${name}`,
      comparisonOperator: comparisons[row.comparison],
      threshold: row.threshold(settings),
      ...{ evaluationPeriods: row.periods, datapointsToAlarm: row.of, treatMissingData: row.silence },
      metrics: queriesOf(row, settings),
      ...{ alarmActions: [topic], okActions: [topic] },
    })
  }
}

function asId(name: AlarmName): string {
  return name.replace(/(^|-)([a-z])/g, (_, _hyphen, letter: string) => letter.toUpperCase())
}

function queriesOf(row: AlarmRow, settings: Settings): CfnAlarm.MetricDataQueryProperty[] {
  const periodSeconds = (row.everyMinutes ?? 1) * 60
  const alone = row.expression === undefined
  const queries = row.metrics.map((name) => metricQuery(name, settings, periodSeconds, alone))
  return alone ? queries : [...queries, { id: 'alarm', expression: row.expression!, label: row.means }]
}

/** A metric of the table in an alarm, under its own name. */
export function metricQuery(
  name: CloudMetricName,
  settings: Settings,
  periodSeconds = 60,
  returnData = false,
): CfnAlarm.MetricDataQueryProperty {
  const metric: CloudMetric = cloudMetrics[name]
  const dimensions = Object.entries(dimensionsOf(metric, settings)).map(([name, value]) => ({ name, value }))
  return {
    ...{ id: name, returnData },
    metricStat: {
      metric: { namespace: metric.namespace, metricName: metric.name, dimensions },
      ...{ period: periodSeconds, stat: metric.statistic },
    },
  }
}

/**
 * Not encrypted with `aws/sns`: CloudWatch may not use that key, and an alarm that cannot be told is none. What it says
 * is no secret.
 */
function makeTopic(stack: Stack, { stackName, alarms }: Settings): string {
  const topic = new Topic(stack, 'AlarmTopic', { topicName: `${stackName}-alarms`, enforceSSL: true })
  topic.addToResourcePolicy(
    new PolicyStatement({
      principals: [new ServicePrincipal('cloudwatch.amazonaws.com')],
      ...{ actions: ['sns:Publish'], resources: [topic.topicArn] },
      conditions: { StringEquals: { 'aws:SourceAccount': Aws.ACCOUNT_ID } },
    }),
  )
  if (alarms.email !== '') topic.addSubscription(new EmailSubscription(alarms.email))
  return topic.topicArn
}
