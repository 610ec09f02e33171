import { namesOf } from './names.ts'
import type { Settings } from './settings.ts'

/** A finding of cdk-nag that is right about what it sees and is kept, with the reason. */
export interface Exception {
  /** Below the stack, as `Group` or `WorkerRole/DefaultPolicy`. */
  readonly at: string
  readonly id: string
  readonly reason: string
}

const star = (resource: string) => `AwsSolutions-IAM5[Resource::${resource}]`
const noResources = 'These actions know no resources (docs/iam.md); namespace or service holds them instead.'
const streams = 'A log stream is named by whoever writes it; the log group is named.'

/** Every exception; cdk-nag has an id of its own for each resource with a star. */
export function exceptionsOf(settings: Settings): Exception[] {
  const { region, group } = settings
  const names = namesOf(settings)
  const arn = (service: string, rest: string) =>
    `arn:<AWS::Partition>:${service}:${region}:<AWS::AccountId>:${rest}`
  const streamsOf = (log: string) => star(arn('logs', `log-group:${log}:log-stream:*`))
  const worker = 'WorkerRole/DefaultPolicy'
  const publisher = 'PublisherRole/DefaultPolicy'
  return [
    {
      ...{ at: 'Group', id: 'AwsSolutions-AS3' },
      reason: 'A fleet that scales would send mail all day; launches that fail are an alarm.',
    },
    {
      ...{ at: 'Group', id: 'AwsSolutions-EC26' },
      reason:
        'The rule cannot read a mixed instances policy; a test holds that both templates encrypt every volume.',
    },
    {
      ...{
        at: worker,
        id: star(arn('autoscaling', `autoScalingGroup:*:autoScalingGroupName/${group.name}`)),
      },
      reason: 'The star is the group’s own id, which AWS gives it; its name is there, and is unique.',
    },
    { at: worker, id: streamsOf(names.workerLog), reason: streams },
    { at: worker, id: star('*'), reason: noResources },
    { at: publisher, id: streamsOf(names.publisherLog), reason: streams },
    { at: publisher, id: star('*'), reason: noResources },
  ]
}
