import type { Stack } from 'aws-cdk-lib'
import { CfnLaunchTemplate } from 'aws-cdk-lib/aws-ec2'
import type { CfnInstanceProfile } from 'aws-cdk-lib/aws-iam'
import type { Architecture, Settings } from './settings.ts'

interface LaunchInput {
  readonly settings: Settings
  readonly profile: CfnInstanceProfile
  readonly securityGroupId: string
  /** In base64. */
  readonly userData: string
}

/** A launch template for each architecture that the settings have types of: they differ in the AMI alone. */
export function makeLaunchTemplates(stack: Stack, input: LaunchInput): Map<Architecture, CfnLaunchTemplate> {
  const { settings, profile, securityGroupId, userData } = input
  const { instances, stackName } = settings
  const used = (['arm64', 'x86_64'] as const).filter((each) => instances.types[each].length > 0)
  const tags = [
    { key: 'Name', value: stackName },
    { key: 'Application', value: 'video-worker' },
  ]
  return new Map(
    used.map((architecture) => {
      const id = architecture === 'arm64' ? 'LaunchArm' : 'LaunchX86'
      const template = new CfnLaunchTemplate(stack, id, {
        launchTemplateName: `${stackName}-${architecture.replace('_', '-')}`,
        launchTemplateData: {
          imageId: imageOf(instances.ami[architecture]),
          iamInstanceProfile: { arn: profile.attrArn },
          securityGroupIds: [securityGroupId],
          // Two hops: a container is one further away than the host.
          metadataOptions: {
            ...{ httpEndpoint: 'enabled', httpTokens: 'required', httpPutResponseHopLimit: 2 },
            instanceMetadataTags: 'enabled',
          },
          blockDeviceMappings: disks(settings),
          // A worker that ends its host must not leave a stopped instance behind.
          instanceInitiatedShutdownBehavior: 'terminate',
          tagSpecifications: ['instance', 'volume'].map((resourceType) => ({ resourceType, tags })),
          userData,
        },
      })
      return [architecture, template]
    }),
  )
}

/** Pinned either way; a parameter is resolved by EC2 at each launch. */
function imageOf(ami: string): string {
  return ami.startsWith('ami-') ? ami : `resolve:ssm:${ami}`
}

function disks({ instances }: Settings): CfnLaunchTemplate.BlockDeviceMappingProperty[] {
  const { rootGiB, scratchGiB, scratchThroughput } = instances
  const disk = (deviceName: string, volumeSize: number, more = {}) => ({
    deviceName,
    ebs: { volumeSize, volumeType: 'gp3', encrypted: true, deleteOnTermination: true, ...more },
  })
  const root = disk('/dev/xvda', rootGiB)
  // Without it user data takes the instance's own disks, which need no mapping where they are NVMe.
  return scratchGiB === 0 ? [root] : [root, disk('/dev/sdf', scratchGiB, { throughput: scratchThroughput })]
}
