import { Arn, ArnFormat, type Stack } from 'aws-cdk-lib'
import {
  CfnInstanceProfile,
  ManagedPolicy,
  PolicyStatement,
  Role,
  ServicePrincipal,
} from 'aws-cdk-lib/aws-iam'
import { namesOf } from './names.ts'
import { type Grant, grantsOf, type Role as RoleName, type Target } from './policies.ts'
import type { Queues } from './queues.ts'
import type { Settings } from './settings.ts'

export interface Roles {
  readonly profile: CfnInstanceProfile
  readonly publisher: Role
}

/** The roles of policies.ts, each with its grants and nothing of AWS's own managed policies. */
export function makeRoles(stack: Stack, settings: Settings, queues: Queues): Roles {
  const arns = arnsOf(stack, settings, queues)
  const statements = (name: RoleName) => grantsOf(name, settings).map((grant) => asStatement(grant, arns))
  const role = (id: string, service: string, name: RoleName) => {
    const made = new Role(stack, id, { assumedBy: new ServicePrincipal(service) })
    for (const statement of statements(name)) made.addToPolicy(statement)
    return made
  }
  const worker = role('WorkerRole', 'ec2.amazonaws.com', 'worker')
  new ManagedPolicy(stack, 'OperatorPolicy', {
    managedPolicyName: `${settings.stackName}-operator`,
    description: 'For people who run the commands of video-worker',
    statements: statements('operator'),
  })
  return {
    profile: new CfnInstanceProfile(stack, 'WorkerProfile', { roles: [worker.roleName] }),
    publisher: role('PublisherRole', 'lambda.amazonaws.com', 'publisher'),
  }
}

function asStatement(grant: Grant, arns: Record<Target, string[]>): PolicyStatement {
  const { actions, on, condition } = grant
  return new PolicyStatement({
    actions: [...actions],
    resources: on.flatMap((target) => arns[target]),
    ...(condition === undefined ? {} : { conditions: condition }),
  })
}

function arnsOf(stack: Stack, settings: Settings, queues: Queues): Record<Target, string[]> {
  const { parameters, group, images, run, publisher } = settings
  const names = namesOf(settings)
  const arn = (service: string, resource: string, resourceName: string) =>
    stack.formatArn({ service, resource, resourceName })
  const parameter = (name: string) => arn('ssm', 'parameter', name.slice(1))
  const log = (name: string) =>
    `${stack.formatArn({ service: 'logs', resource: 'log-group', resourceName: name, arnFormat: ArnFormat.COLON_RESOURCE_NAME })}:log-stream:*`
  const [bucket = '', ...key] = run.codeUri.replace('s3://', '').split('/')
  return {
    queue: [queues.jobs.queueArn],
    deadLetters: [queues.deadLetters.queueArn],
    deleteQueue: queues.deletes ? [queues.deletes.queueArn] : [],
    extraQueues: publisher.extraQueues
      .split(',')
      .filter((pair) => pair !== '')
      .map((pair) => stack.formatArn({ service: 'sqs', resource: pair.replace(/^.*=/, '') })),
    group: [
      stack.formatArn({
        service: 'autoscaling',
        resource: 'autoScalingGroup',
        // The middle is the group's own UUID, which nobody knows before it is there; its name is unique.
        resourceName: `*:autoScalingGroupName/${group.name}`,
        arnFormat: ArnFormat.COLON_RESOURCE_NAME,
      }),
    ],
    apiEnv: [parameter(parameters.apiEnv)],
    workerEnv: [parameter(parameters.workerEnv)],
    publisherEnv: [parameter(parameters.publisherEnv)],
    image: [parameter(parameters.image)],
    key: [parameters.kmsKeyArn],
    repository: [arn('ecr', 'repository', images.repository)],
    workerLog: [log(names.workerLog)],
    publisherLog: [log(names.publisherLog)],
    code: [
      Arn.format({
        partition: stack.partition,
        service: 's3',
        region: '',
        account: '',
        resource: bucket,
        resourceName: key.join('/'),
      }),
    ],
    any: ['*'],
  }
}
