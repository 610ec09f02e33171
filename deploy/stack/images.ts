import { type App, CfnOutput, Duration, RemovalPolicy, type Stack } from 'aws-cdk-lib'
import { Repository, RepositoryEncryption, TagMutability, TagStatus } from 'aws-cdk-lib/aws-ecr'
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import { namesOf } from './names.ts'
import { plainStack } from './plain-stack.ts'
import type { Settings } from './settings.ts'

/** Layers of a build that failed, and images that lost their tag; those of an index stay as long as it does. */
const untaggedDays = 14

/**
 * The repository of both images, in a stack of its own: the fleet's stack needs the digest of an image that is in it
 * already. deploy/release/build-and-push.sh tags with the target and the revision.
 */
export function makeImagesStack(app: App, settings: Settings): Stack {
  const names = namesOf(settings)
  const { repository: repositoryName, keep } = settings.images
  const stack = plainStack(app, names.imagesStack, 'Video worker fleet: repository of its images', settings)
  const newest = (prefix: string, rulePriority: number) => ({
    ...{ rulePriority, tagStatus: TagStatus.TAGGED, tagPrefixList: [prefix], maxImageCount: keep },
    description: 'what a roll-back can go to',
  })
  const repository = new Repository(stack, 'Images', {
    repositoryName,
    // A digest is deployed, never a tag; a build that is run again must be able to push its tag again.
    imageTagMutability: TagMutability.MUTABLE,
    imageScanOnPush: true,
    encryption: RepositoryEncryption.AES_256,
    lifecycleRules: [
      newest('worker-', 1),
      newest('backlog-', 2),
      { rulePriority: 3, tagStatus: TagStatus.UNTAGGED, maxImageAge: Duration.days(untaggedDays) },
    ],
    removalPolicy: RemovalPolicy.RETAIN,
  })
  // Lambda fetches the publisher's image in its own name.
  repository.addToResourcePolicy(
    new PolicyStatement({
      principals: [new ServicePrincipal('lambda.amazonaws.com')],
      actions: ['ecr:BatchGetImage', 'ecr:GetDownloadUrlForLayer'],
      conditions: {
        ArnLike: {
          'aws:SourceArn': `arn:${stack.partition}:lambda:${settings.region}:${stack.account}:function:${names.publisher}`,
        },
      },
    }),
  )
  new CfnOutput(stack, 'RepositoryUri', {
    value: repository.repositoryUri,
    description: 'REPOSITORY of deploy/release/build-and-push.sh',
  })
  return stack
}
