import { RemovalPolicy, type Stack } from 'aws-cdk-lib'
import { CfnLogGroup, CfnMetricFilter } from 'aws-cdk-lib/aws-logs'
import { cloudMetrics } from './cloud-metrics.ts'
import { namesOf } from './names.ts'
import type { Settings } from './settings.ts'

/** The logs of the workers and of the publisher, and the count of the workers' error lines. */
export function makeLogs(stack: Stack, settings: Settings): { publisher: CfnLogGroup } {
  const names = namesOf(settings)
  const group = (id: string, logGroupName: string) => {
    const made = new CfnLogGroup(stack, id, { logGroupName, retentionInDays: settings.logs.retentionDays })
    made.applyRemovalPolicy(RemovalPolicy.DESTROY)
    return made
  }
  const workers = group('WorkerLog', names.workerLog)
  const { namespace: metricNamespace, name: metricName } = cloudMetrics.errorLines
  new CfnMetricFilter(stack, 'WorkerErrorLines', {
    logGroupName: workers.ref,
    // A line of the worker is one JSON object; its level is a word (shared/logger.ts).
    filterPattern: '{ $.level = "error" || $.level = "fatal" }',
    metricTransformations: [
      { metricNamespace, metricName, metricValue: '1', defaultValue: 0, unit: 'Count' },
    ],
  })
  return { publisher: group('PublisherLog', names.publisherLog) }
}
