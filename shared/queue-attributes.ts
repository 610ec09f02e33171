/** What a queue says of itself. In a file of its own: who only counts needs no code that sends and deletes. */
export interface QueueAttributes {
  visibilitySeconds: number
  /** Of the redrive policy; undefined when there is none. */
  maxReceiveCount?: number
  deadLetterArn?: string
  retentionSeconds: number
  /** Approximate counts; they settle a minute or more after the last change. */
  waiting: number
  inFlight: number
  delayed: number
}

/** From the attributes as SQS gives them: texts. Pure. */
export function readAttributes(live: Record<string, string>): QueueAttributes {
  const policy = JSON.parse(live.RedrivePolicy || '{}') as {
    maxReceiveCount?: number | string
    deadLetterTargetArn?: string
  }
  return {
    visibilitySeconds: Number(live.VisibilityTimeout ?? 0),
    retentionSeconds: Number(live.MessageRetentionPeriod ?? 0),
    waiting: Number(live.ApproximateNumberOfMessages ?? 0),
    inFlight: Number(live.ApproximateNumberOfMessagesNotVisible ?? 0),
    delayed: Number(live.ApproximateNumberOfMessagesDelayed ?? 0),
    ...(policy.maxReceiveCount === undefined ? {} : { maxReceiveCount: Number(policy.maxReceiveCount) }),
    ...(policy.deadLetterTargetArn === undefined ? {} : { deadLetterArn: policy.deadLetterTargetArn }),
  }
}
