import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { SQSClient } from '@aws-sdk/client-sqs'
import { withSignal } from './abort.ts'
import type { Config } from './config.ts'
import { deadline } from './time.ts'

export interface QueueOptions {
  /** Instead of the SDK's own chain (environment, profile, instance role). */
  credentials?: { accessKeyId: string; secretAccessKey: string }
}

/**
 * One client with its own connections and single tries (the retry is in queue.ts). No try takes longer than
 * `requestTimeout` ms from credentials to the last byte of the answer: the SDK's own limit ends with the headers.
 */
export function createSqsClient(
  { queue, awsRegion }: Pick<Config, 'queue' | 'awsRegion'>,
  { credentials }: QueueOptions,
  requestTimeout: number,
): SQSClient {
  const client = new SQSClient({
    region: awsRegion,
    // Without an endpoint of its own the SDK finds the region's; credentials come from its chain (instance role).
    ...(queue.endpoint === undefined ? {} : { endpoint: queue.endpoint }),
    ...(credentials === undefined ? {} : { credentials }),
    maxAttempts: 1,
    requestHandler: {
      connectionTimeout: 3_000,
      requestTimeout,
      // Takes the connection of an answer that stalls with it.
      socketTimeout: requestTimeout,
      throwOnRequestTimeout: true,
      httpAgent: new HttpAgent({ keepAlive: true }),
      httpsAgent: new HttpsAgent({ keepAlive: true }),
    },
  })
  const { signal } = new AbortController()
  client.middlewareStack.add(
    (next) => async (args) => {
      using limit = deadline(requestTimeout, signal, () => timedOut(requestTimeout))
      return await withSignal(next(args), limit.signal)
    },
    { step: 'initialize', priority: 'high', name: 'wholeAnswerLimit' },
  )
  return client
}

function timedOut(ms: number): Error {
  const error = new Error(`SQS did not answer in full within ${ms} ms`)
  error.name = 'TimeoutError'
  return error
}
