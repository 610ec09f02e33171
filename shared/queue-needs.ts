import type { Config } from './config.ts'
import type { QueueAttributes } from './queue-attributes.ts'

/** Redrive must never be quicker than the worker's own attempts, which it backs up: architecture.md. */
const leastReceives = 50
/** A message must outlive an outage over a weekend, in seconds. */
const leastRetention = 4 * 24 * 3600

/** What the live queue's attributes lack of what a worker relies on, a sentence each. Pure. */
export function queueDifferences(live: QueueAttributes, { minSlackSeconds }: Config['lease']): string[] {
  const { deadLetterArn, maxReceiveCount, retentionSeconds, visibilitySeconds } = live
  const differences: string[] = []
  if (deadLetterArn === undefined)
    differences.push('it has no redrive policy: a message that always fails never leaves it')
  if (maxReceiveCount !== undefined && maxReceiveCount < leastReceives)
    differences.push(
      `maxReceiveCount is ${maxReceiveCount}: hand-backs and waits need ${leastReceives}, else good jobs end in the DLQ`,
    )
  if (retentionSeconds < leastRetention)
    differences.push(
      `retention is ${retentionSeconds} s: less than ${leastRetention} s loses jobs in a long outage`,
    )
  if (visibilitySeconds < minSlackSeconds * 2)
    differences.push(`visibility is ${visibilitySeconds} s: less than twice LEASE_MIN_SLACK_SECONDS`)
  return differences
}
