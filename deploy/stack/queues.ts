import { ArnFormat, Duration, RemovalPolicy, type Stack } from 'aws-cdk-lib'
import { type IQueue, Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs'
import type { Settings } from './settings.ts'

export interface Queues {
  readonly jobs: IQueue
  readonly deadLetters: IQueue
  /** Only when the settings name one. */
  readonly deletes: IQueue | undefined
}

/**
 * The product's API sends jobs and deletes to one queue, which is there already: by default nothing is made. A queue of
 * its own for the deletes is for an API that is taught to send them there; a machine beside the group takes them, which
 * the operator starts (docs/deploy.md).
 */
export function makeQueues(stack: Stack, settings: Settings): Queues {
  const { name, deadLetterName, create, deleteName, ...rest } = settings.queues
  const imported = (id: string, resource: string) =>
    Queue.fromQueueArn(
      stack,
      id,
      stack.formatArn({ service: 'sqs', resource, arnFormat: ArnFormat.NO_RESOURCE_NAME }),
    )
  // Messages outlive the stack: a queue with jobs in it is not deleted by taking the stack down.
  const common = {
    encryption: QueueEncryption.SQS_MANAGED,
    enforceSSL: true,
    removalPolicy: RemovalPolicy.RETAIN,
  }
  const deadLetters = create
    ? new Queue(stack, 'DeadLetters', {
        ...common,
        queueName: deadLetterName,
        retentionPeriod: Duration.days(rest.deadLetterRetentionDays),
      })
    : imported('DeadLetters', deadLetterName)
  const jobQueue = (id: string, queueName: string) =>
    new Queue(stack, id, {
      ...common,
      queueName,
      visibilityTimeout: Duration.seconds(rest.visibilitySeconds),
      retentionPeriod: Duration.days(rest.retentionDays),
      receiveMessageWaitTime: Duration.seconds(20),
      // The worker counts attempts itself (docs/operations.md); this only ends what it never gets to count.
      deadLetterQueue: { queue: deadLetters, maxReceiveCount: rest.maxReceiveCount },
    })
  return {
    jobs: create ? jobQueue('Jobs', name) : imported('Jobs', name),
    deadLetters,
    deletes: deleteName === '' ? undefined : jobQueue('Deletes', deleteName),
  }
}
