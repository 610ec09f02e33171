import { publishedNamespaces } from './cloud-metrics.ts'
import type { Settings } from './settings.ts'

/**
 * What each role may do, as data: the stack makes policies of it, docs/iam.md shows it, and a test holds it equal to
 * the calls that the code makes, both ways.
 *   worker:    the instance: the worker, its user data, and what runs the container
 *   publisher: the function that publishes the backlog
 *   operator:  a policy for people who run `video-worker` commands; the stack gives it to nobody
 */
export type Role = 'worker' | 'publisher' | 'operator'

export type Target =
  | 'queue'
  | 'deadLetters'
  | 'deleteQueue'
  | 'extraQueues'
  | 'group'
  | 'apiEnv'
  | 'workerEnv'
  | 'publisherEnv'
  | 'image'
  | 'key'
  | 'repository'
  | 'workerLog'
  | 'publisherLog'
  | 'code'
  /** The action knows no resources, or only such as have no name yet. */
  | 'any'

export interface Grant {
  readonly actions: readonly string[]
  readonly on: readonly Target[]
  /**
   * code: a call of our TypeScript. host: user data and what it installs. system: made by Docker, Lambda or an agent,
   * so no call of it is in this repository; `why` says whose.
   */
  readonly by: 'code' | 'host' | 'system'
  readonly why: string
  readonly condition?: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>
  readonly when?: (settings: Settings) => boolean
}

const isImage = ({ run }: Settings) => run.from === 'image'
const hasKey = ({ parameters }: Settings) => parameters.kmsKeyArn !== ''

const decrypt = (by: Grant['by']): Grant => ({
  ...{ actions: ['kms:Decrypt'], on: ['key'], by: 'system', when: hasKey },
  why: `Parameter Store, in the name of whoever reads a SecureString (${by}); \`aws/ssm\` needs no grant`,
})

export const grants: Readonly<Record<Role, readonly Grant[]>> = {
  worker: [
    {
      actions: ['sqs:GetQueueUrl', 'sqs:GetQueueAttributes', 'sqs:SendMessage'],
      on: ['queue', 'deadLetters', 'deleteQueue'],
      ...{ by: 'code', why: 'finds the queues; sends parts of a shared video, parks poison' },
    },
    {
      actions: ['sqs:ReceiveMessage', 'sqs:ChangeMessageVisibility', 'sqs:DeleteMessage'],
      on: ['queue', 'deleteQueue'],
      ...{
        by: 'code',
        why: 'takes a message, beats its lease, deletes it at the end; never of the dead letters',
      },
    },
    {
      actions: [
        'autoscaling:SetInstanceProtection',
        'autoscaling:RecordLifecycleActionHeartbeat',
        'autoscaling:CompleteLifecycleAction',
      ],
      on: ['group'],
      ...{ by: 'code', why: 'protects a busy instance; holds and completes its hooks' },
    },
    {
      actions: ['autoscaling:DescribeLifecycleHooks'],
      on: ['any'],
      ...{ by: 'code', why: 'finds the termination hook; the action knows no resources' },
    },
    {
      actions: ['ssm:GetParameter'],
      on: ['workerEnv', 'image'],
      ...{ by: 'host', why: 'the worker’s environment, and which image to run' },
    },
    decrypt('host'),
    {
      actions: ['ecr:GetAuthorizationToken'],
      on: ['any'],
      ...{
        by: 'host',
        when: isImage,
        why: 'a login of Docker to the registry; the action knows no resources',
      },
    },
    {
      actions: ['ecr:BatchGetImage', 'ecr:GetDownloadUrlForLayer'],
      on: ['repository'],
      ...{ by: 'system', when: isImage, why: 'Docker pulls the image' },
    },
    {
      actions: ['s3:GetObject'],
      on: ['code'],
      ...{ by: 'host', when: (settings) => !isImage(settings), why: 'the code that the host runs' },
    },
    {
      actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
      on: ['workerLog'],
      ...{ by: 'system', why: 'Docker’s log driver, or the CloudWatch agent, ships the log off the host' },
    },
    {
      actions: [
        'ssm:UpdateInstanceInformation',
        'ssmmessages:CreateControlChannel',
        'ssmmessages:CreateDataChannel',
        'ssmmessages:OpenControlChannel',
        'ssmmessages:OpenDataChannel',
      ],
      on: ['any'],
      ...{ by: 'system', when: ({ instances }) => instances.sessionManager },
      why: 'the SSM agent, for shells of operators; none of these actions knows resources',
    },
  ],
  publisher: [
    {
      actions: ['sqs:GetQueueUrl', 'sqs:GetQueueAttributes'],
      on: ['queue', 'extraQueues'],
      ...{ by: 'code', why: 'the counts of the queue, and of EXTRA_QUEUES' },
    },
    {
      actions: ['autoscaling:DescribeAutoScalingGroups'],
      on: ['any'],
      ...{ by: 'code', why: 'instances in service; the action knows no resources' },
    },
    {
      actions: ['cloudwatch:PutMetricData'],
      on: ['any'],
      ...{ by: 'code', why: 'the metrics; the action knows no resources, so the namespace is what holds it' },
      condition: { StringEquals: { 'cloudwatch:namespace': publishedNamespaces } },
    },
    {
      actions: ['ssm:GetParameter'],
      on: ['publisherEnv'],
      ...{ by: 'code', why: 'the key for the API, and Redis' },
    },
    decrypt('code'),
    {
      actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
      on: ['publisherLog'],
      ...{ by: 'system', why: 'Lambda writes the function’s log' },
    },
    {
      actions: ['ec2:CreateNetworkInterface', 'ec2:DescribeNetworkInterfaces', 'ec2:DeleteNetworkInterface'],
      on: ['any'],
      by: 'system',
      why: 'Lambda puts the function into the VPC; it checks these rights without a resource',
    },
  ],
  operator: [
    {
      actions: [
        ...['sqs:GetQueueUrl', 'sqs:GetQueueAttributes', 'sqs:ReceiveMessage'],
        ...['sqs:SendMessage', 'sqs:DeleteMessage', 'sqs:ChangeMessageVisibility'],
      ],
      on: ['queue', 'deadLetters', 'deleteQueue'],
      ...{ by: 'code', why: 'enqueue, status, dlq list, redrive and drop, job retry, doctor' },
    },
    {
      actions: ['ssm:GetParameter', 'ssm:GetParameterHistory', 'ssm:PutParameter'],
      on: ['apiEnv', 'workerEnv'],
      ...{ by: 'code', why: 'env push, pull, diff, verify, history, rollback' },
    },
    {
      ...{ actions: ['kms:Decrypt', 'kms:Encrypt'], on: ['key'], by: 'system', when: hasKey },
      why: 'Parameter Store, in the name of whoever reads or writes a SecureString',
    },
  ],
}

/** Those that these settings need. */
export function grantsOf(role: Role, settings: Settings): Grant[] {
  return grants[role].filter(({ when }) => when?.(settings) ?? true)
}
