import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { SQSClient } from '@aws-sdk/client-sqs'
import type { Config } from './config.ts'

export interface QueueOptions {
  /** Instead of the SDK's own chain (environment, profile, instance role). */
  credentials?: { accessKeyId: string; secretAccessKey: string }
}

/** One client with its own connections; `requestTimeout` in ms, single tries (the retry is in queue.ts). */
export function createSqsClient(
  { queue, awsRegion }: Pick<Config, 'queue' | 'awsRegion'>,
  { credentials }: QueueOptions,
  requestTimeout: number,
): SQSClient {
  return new SQSClient({
    region: awsRegion,
    // Without an endpoint of its own the SDK finds the region's; credentials come from its chain (instance role).
    ...(queue.endpoint === undefined ? {} : { endpoint: queue.endpoint }),
    ...(credentials === undefined ? {} : { credentials }),
    maxAttempts: 1,
    requestHandler: {
      connectionTimeout: 3_000,
      requestTimeout,
      throwOnRequestTimeout: true,
      httpAgent: new HttpAgent({ keepAlive: true }),
      httpsAgent: new HttpsAgent({ keepAlive: true }),
    },
  })
}
