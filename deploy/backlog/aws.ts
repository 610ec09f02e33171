import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'

export interface AwsOptions {
  readonly region: string
  /** '' for the region's own. */
  readonly endpoint: string
}

/** A minute has room for three tries of these lengths, in milliseconds; credentials come from the SDK's own chain. */
export function clientOptions({ region, endpoint }: AwsOptions) {
  return {
    ...{ region, maxAttempts: 3 },
    ...(endpoint === '' ? {} : { endpoint }),
    requestHandler: {
      ...{ connectionTimeout: 3_000, requestTimeout: 5_000, throwOnRequestTimeout: true },
      ...{ httpAgent: new HttpAgent({ keepAlive: true }), httpsAgent: new HttpsAgent({ keepAlive: true }) },
    },
  }
}

/** What an AWS service answered, in words, and whether it refused us: a client error but throttling is the same next time. */
export function awsRefusal(error: unknown): { refused: boolean; words: string } {
  const {
    name = 'unknown',
    message = '',
    $metadata,
  } = (error ?? {}) as {
    name?: string
    message?: string
    $metadata?: { httpStatusCode?: number }
  }
  const status = $metadata?.httpStatusCode ?? 0
  const throttled = status === 429 || /Throttl|LimitExceeded|RequestLimit/.test(name)
  const noCredentials = name === 'CredentialsProviderError'
  const refused = noCredentials || (status >= 400 && status < 500 && !throttled)
  return { refused, words: `${status === 0 ? 'no answer' : status} ${name}: ${message.slice(0, 200)}` }
}
