import { App, Aws, CfnOutput, Tags } from 'aws-cdk-lib'
import { CfnDashboard } from 'aws-cdk-lib/aws-cloudwatch'
import { makeAlarms } from './alarms.ts'
import { dashboardBody } from './dashboard.ts'
import { type Exception, exceptionsOf } from './exceptions.ts'
import { makeGroup, makeScaling } from './group.ts'
import { makeImagesStack } from './images.ts'
import { makeLaunchTemplates } from './launch.ts'
import { makeLogs } from './logs.ts'
import { acknowledge, checkWithNag } from './nag.ts'
import { namesOf } from './names.ts'
import { makeSecurityGroups } from './network.ts'
import { plainStack } from './plain-stack.ts'
import { makePublisher } from './publisher.ts'
import { makeQueues } from './queues.ts'
import { makeRoles } from './roles.ts'
import type { Settings } from './settings.ts'

export interface AppInput {
  readonly settings: Settings
  /** In base64: userDataOf. */
  readonly userData: string
  /** Folder for what the CDK writes. */
  readonly folder: string
  /** What of cdk-nag's findings is kept. */
  readonly exceptions?: readonly Exception[]
}

/** Both stacks, with cdk-nag looking on. Synthesizing rejects with its findings. */
export function makeApp({ settings, userData, folder, exceptions = exceptionsOf(settings) }: AppInput): App {
  // No metadata of the CDK in the template: it is deployed as plain CloudFormation, without a bootstrapped account.
  const app = new App({ outdir: folder, analyticsReporting: false, treeMetadata: false })
  makeImagesStack(app, settings)
  const description = 'Video worker fleet: scaling group, publisher of the backlog, alarms'
  const stack = plainStack(app, settings.stackName, description, settings)
  const registry = `${Aws.ACCOUNT_ID}.dkr.ecr.${settings.region}.${Aws.URL_SUFFIX}`
  const repository = `${registry}/${settings.images.repository}`
  const names = namesOf(settings)

  const queues = makeQueues(stack, settings)
  const logs = makeLogs(stack, settings)
  const roles = makeRoles(stack, settings, queues)
  const securityGroups = makeSecurityGroups(stack, settings)
  const templates = makeLaunchTemplates(stack, {
    ...{ settings, profile: roles.profile, securityGroupId: securityGroups.workers },
    userData,
  })
  const group = makeGroup(stack, settings, templates)
  makeScaling(stack, settings, group)
  makePublisher(stack, {
    ...{ settings, role: roles.publisher, securityGroupId: securityGroups.publisher, log: logs.publisher },
    repository,
  })
  makeAlarms(stack, settings)
  new CfnDashboard(stack, 'Dashboard', {
    dashboardName: names.dashboard,
    dashboardBody: JSON.stringify(dashboardBody(settings)),
  })
  const outputs = {
    WorkerSecurityGroup: [securityGroups.workers, 'Let it into Redis and the API'],
    PublisherSecurityGroup: [securityGroups.publisher, 'Let it into Redis and the API'],
    GroupName: [group.ref, 'AUTO_SCALING_GROUP_NAME of deploy/release/deploy.sh'],
    PublisherFunction: [names.publisher, 'BACKLOG_FUNCTION of deploy/release/deploy.sh'],
  }
  for (const [id, [value = '', description = '']] of Object.entries(outputs))
    new CfnOutput(stack, id, { value, description })
  Tags.of(app).add('Application', 'video-worker')
  acknowledge(stack, exceptions)
  checkWithNag(app)
  return app
}
