import type { CloudMetric, Owner } from './cloud-metrics.ts'
import type { Settings } from './settings.ts'

/** Names that are known before anything is made: a launch template needs the group's, and the group the template. Pure. */
export function namesOf(settings: Settings) {
  const { stackName } = settings
  return {
    publisher: `${stackName}-publisher`,
    workerLog: `/academy/${stackName}`,
    publisherLog: `/aws/lambda/${stackName}-publisher`,
    dashboard: stackName,
    launchHook: 'launch',
    terminateHook: 'terminate',
    imagesStack: `${stackName}-images`,
  }
}

/** The dimensions of a metric. Pure. */
export function dimensionsOf({ of }: CloudMetric, settings: Settings): Record<string, string> {
  const { queues, group } = settings
  const all: Record<Owner, Record<string, string>> = {
    // contract.md section 7, as deploy/backlog/metrics.ts sends them.
    fleet: { WorkerType: 'Video', AutoScalingGroupName: group.name },
    queue: { QueueName: queues.name },
    deadLetters: { QueueName: queues.deadLetterName },
    deleteQueue: { QueueName: queues.deleteName },
    group: { AutoScalingGroupName: group.name },
    publisher: { FunctionName: namesOf(settings).publisher },
    logs: {},
  }
  return all[of]
}
