import { AutoScalingClient, DescribeAutoScalingGroupsCommand } from '@aws-sdk/client-auto-scaling'
import { WorkerError } from '../../shared/errors.ts'
import { type AwsOptions, awsRefusal, clientOptions } from './aws.ts'

export interface Group {
  /** Instances in service: those that work. Throws group_missing, group_unavailable. */
  instances(signal: AbortSignal): Promise<number>
  close(): void
}

export function openGroup(name: string, options: AwsOptions): Group {
  const client = new AutoScalingClient(clientOptions(options))
  return {
    async instances(signal) {
      const command = new DescribeAutoScalingGroupsCommand({ AutoScalingGroupNames: [name] })
      const answer = await client.send(command, { abortSignal: signal }).catch((error: unknown) => {
        signal.throwIfAborted()
        const { refused, words } = awsRefusal(error)
        throw new WorkerError(
          refused ? 'group_refused' : 'group_unavailable',
          `Auto Scaling did not describe the group ${name}: ${words}`,
        )
      })
      const [group] = answer.AutoScalingGroups ?? []
      if (!group)
        throw new WorkerError(
          'group_missing',
          `There is no Auto Scaling group ${name} in this region and account`,
        )
      return (group.Instances ?? []).filter(({ LifecycleState }) => LifecycleState === 'InService').length
    },
    close: () => client.destroy(),
  }
}
