import type { Queue } from '../shared/queue.ts'
import type { Delivery } from './intake.ts'

/**
 * After 50 receives (boot.ts asks for so many) the queue takes a message to the dead-letter queue by itself, and an
 * outage over a weekend hands one back more often. Before that it is sent anew, as young as on its first day.
 */
const sendAnewFrom = 40
/** DelaySeconds may be this much. */
const longestDelaySeconds = 900

/** Gives a message back, to be visible after so many seconds. */
export async function showAgain(
  queue: Pick<Queue, 'extend' | 'send' | 'delete'>,
  { body, receiptHandle, receiveCount, groupId }: Delivery,
  seconds: number,
  signal: AbortSignal,
): Promise<void> {
  if (receiveCount < sendAnewFrom) return queue.extend(receiptHandle, seconds, signal)
  const delaySeconds = Math.min(seconds, longestDelaySeconds)
  // Sent first: of two the second is set aside, of none nobody would ever know.
  await queue.send(body, { delaySeconds, ...(groupId === undefined ? {} : { groupId }), signal })
  await queue.delete(receiptHandle, signal)
}
