import { CloudWatchClient, PutMetricDataCommand } from '@aws-sdk/client-cloudwatch'
import { WorkerError } from '../../shared/errors.ts'
import { type AwsOptions, awsRefusal, clientOptions } from './aws.ts'
import type { Metric } from './metrics.ts'

export interface CloudWatch {
  /** One request a namespace. Throws metric_refused (our fault: rights, values) or metric_unavailable. */
  publish(metrics: readonly Metric[], signal: AbortSignal): Promise<void>
  close(): void
}

export function openCloudWatch(options: AwsOptions): CloudWatch {
  const client = new CloudWatchClient(clientOptions(options))
  return {
    async publish(metrics, signal) {
      const Timestamp = new Date()
      for (const [Namespace, group] of Map.groupBy(metrics, ({ namespace }) => namespace)) {
        const MetricData = group.map(({ name, value, dimensions }) => ({
          ...{ MetricName: name, Value: value, Unit: 'Count' as const, Timestamp },
          Dimensions: Object.entries(dimensions).map(([Name, Value]) => ({ Name, Value })),
        }))
        await client
          .send(new PutMetricDataCommand({ Namespace, MetricData }), { abortSignal: signal })
          .catch((error: unknown) => {
            signal.throwIfAborted()
            const { refused, words } = awsRefusal(error)
            throw new WorkerError(
              refused ? 'metric_refused' : 'metric_unavailable',
              `CloudWatch did not take the metrics of ${Namespace}: ${words}`,
            )
          })
      }
    },
    close: () => client.destroy(),
  }
}
