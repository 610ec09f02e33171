import type { Stack } from 'aws-cdk-lib'
import { CfnRule } from 'aws-cdk-lib/aws-events'
import type { Role } from 'aws-cdk-lib/aws-iam'
import { CfnEventInvokeConfig, CfnFunction, CfnPermission } from 'aws-cdk-lib/aws-lambda'
import type { CfnLogGroup } from 'aws-cdk-lib/aws-logs'
import { namesOf } from './names.ts'
import type { Settings } from './settings.ts'

interface PublisherInput {
  readonly settings: Settings
  readonly role: Role
  readonly securityGroupId: string
  /** Without tag or digest. */
  readonly repository: string
  readonly log: CfnLogGroup
}

/** A run has to be over before the next one; deploy/backlog/main-lambda.ts keeps two seconds of it for its answer. */
const limitSeconds = 55

/** deploy/backlog as a function in the API's network, once a minute. */
export function makePublisher(stack: Stack, input: PublisherInput): void {
  const { settings, role, securityGroupId, repository, log } = input
  const { images, network, publisher, queues, group, parameters } = settings
  const code = new CfnFunction(stack, 'Publisher', {
    functionName: namesOf(settings).publisher,
    description: 'Publishes the backlog of the video workers',
    packageType: 'Image',
    code: { imageUri: `${repository}@${images.publisherDigest}` },
    architectures: [publisher.architecture],
    role: role.roleArn,
    ...{ memorySize: publisher.memoryMiB, timeout: limitSeconds },
    vpcConfig: { subnetIds: network.publisherSubnetIds, securityGroupIds: [securityGroupId] },
    loggingConfig: { logGroup: log.ref },
    // AWS_REGION is Lambda's own. Secrets are in ENV_PARAMETER, which the function reads itself.
    environment: {
      variables: {
        ENV_PARAMETER: parameters.publisherEnv,
        VIDEO_BACKLOG_API_INTERNAL: publisher.apiUrl,
        VIDEO_SQS_QUEUE_NAME: queues.name,
        AUTO_SCALING_GROUP_NAME: group.name,
        ...(publisher.extraQueues === '' ? {} : { EXTRA_QUEUES: publisher.extraQueues }),
      },
    },
  })
  // The function must not be made, and called, before it may write its log and reach its network.
  code.node.addDependency(role)
  // A count that is a minute late is wrong: the next run is due by then.
  new CfnEventInvokeConfig(stack, 'PublisherTries', {
    functionName: code.ref,
    qualifier: '$LATEST',
    ...{ maximumRetryAttempts: 0, maximumEventAgeInSeconds: 60 },
  })
  const rule = new CfnRule(stack, 'EveryMinute', {
    description: 'Publishes the backlog of the video workers',
    scheduleExpression: 'rate(1 minute)',
    targets: [
      {
        ...{ id: 'publisher', arn: code.attrArn },
        retryPolicy: { maximumRetryAttempts: 0, maximumEventAgeInSeconds: 60 },
      },
    ],
  })
  new CfnPermission(stack, 'EveryMinuteMay', {
    ...{ action: 'lambda:InvokeFunction', functionName: code.ref },
    ...{ principal: 'events.amazonaws.com', sourceArn: rule.attrArn },
  })
}
