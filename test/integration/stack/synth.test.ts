/** The stack as `npm run synth` writes it: the CDK runs in a child, since it takes seconds to load. */
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { alarms } from '../../../deploy/stack/alarm-table.ts'
import { exampleSettings } from '../../../deploy/stack/docs.ts'
import { exceptionsOf } from '../../../deploy/stack/exceptions.ts'
import { root } from '../../unit/house/sources.ts'

interface Resource {
  Type: string
  // biome-ignore lint/suspicious/noExplicitAny: a template is looked into by path
  Properties: any
  DeletionPolicy?: string
}
interface Template {
  Resources: Record<string, Resource>
  Parameters?: object
  Rules?: object
  Outputs: object
}

const folder = mkdtempSync(join(tmpdir(), 'stack-test-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const example = JSON.parse(readFileSync(join(root, 'deploy/stack/settings.example.json'), 'utf8'))
const userData = '#!/usr/bin/env bash\nset -u\necho "$IMAGE_URI"\n'

async function synth(name: string, settings: object, script = userData) {
  const place = join(folder, name)
  mkdirSync(place)
  writeFileSync(join(place, 'settings.json'), JSON.stringify(settings))
  writeFileSync(join(place, 'user-data.sh'), script)
  const files = { settings: 'settings.json', 'user-data': 'user-data.sh', out: 'out' }
  const flags = Object.entries(files).flatMap(([flag, file]) => [`--${flag}`, join(place, file)])
  const run = await new Promise<{ code: number; stdout: string; stderr: string }>((resolve) =>
    execFile(
      process.execPath,
      ['deploy/stack/main.ts', ...flags],
      { cwd: root, env: clean() },
      (error, stdout, stderr) =>
        resolve({ code: typeof error?.code === 'number' ? error.code : error ? -1 : 0, stdout, stderr }),
    ),
  )
  const template = (stack: string): Template =>
    JSON.parse(readFileSync(join(place, 'out', `${stack}.template.json`), 'utf8'))
  return { ...run, template }
}

/** The script of each launch template, unpacked. */
function userDataOf(template: Template): string[] {
  return ofType(template, 'AWS::EC2::LaunchTemplate').map(({ Properties }) =>
    gunzipSync(Buffer.from(Properties.LaunchTemplateData.UserData, 'base64')).toString('utf8'),
  )
}

/** Without jest's own flags for Node. */
function clean(): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: _, ...env } = process.env
  return env
}

function ofType(template: Template, type: string): Resource[] {
  return Object.values(template.Resources).filter((each) => each.Type === type)
}

describe('with the settings of the example', () => {
  let fleet: Template
  let images: Template
  let said: string
  beforeAll(async () => {
    const run = await synth('example', example)
    expect(run).toMatchObject({ code: 0, stderr: '' })
    said = run.stdout
    fleet = run.template('academy-video-workers')
    images = run.template('academy-video-workers-images')
  })

  test('both templates are written, and are plain CloudFormation', () => {
    expect(said.trim().split('\n')).toHaveLength(2)
    for (const template of [fleet, images]) {
      expect(template.Parameters ?? template.Rules).toBeUndefined()
      expect(JSON.stringify(template)).not.toContain('cdk-hnb659fds')
    }
  })

  test('they are what they were', () => {
    expect(images).toMatchSnapshot('images')
    const copy = structuredClone(fleet)
    // Unpacked: what gzip makes of it is its version's business.
    for (const { Properties } of ofType(copy, 'AWS::EC2::LaunchTemplate'))
      Properties.LaunchTemplateData.UserData = userDataOf(fleet)[0]!.split('\n')
    expect(copy).toMatchSnapshot('fleet')
  })

  test('they stay below what CloudFormation takes from a file, with user data of 16 KiB too', () => {
    const packed = JSON.stringify(
      ofType(fleet, 'AWS::EC2::LaunchTemplate').map((each) => each.Properties),
    ).length
    // Shell packs to a third; in base64, for two architectures.
    expect(JSON.stringify(fleet).length - packed + 2 * (1_600 + (16_384 / 3) * (4 / 3))).toBeLessThan(51_200)
  })

  test('the product’s queues are taken as they are: none is made', () => {
    expect(ofType(fleet, 'AWS::SQS::Queue')).toEqual([])
    expect(JSON.stringify(ofType(fleet, 'AWS::IAM::Policy'))).toContain(':academy-video-jobs-dlq')
  })

  test('an instance asks for its metadata with a token, a container on it too', () => {
    const templates = ofType(fleet, 'AWS::EC2::LaunchTemplate')
    expect(templates).toHaveLength(2)
    for (const { Properties } of templates) {
      expect(Properties.LaunchTemplateData.MetadataOptions).toMatchObject({
        HttpTokens: 'required',
        HttpPutResponseHopLimit: 2,
      })
    }
  })

  test('every volume is encrypted gp3 and ends with its instance (in place of rule EC26)', () => {
    const disks = ofType(fleet, 'AWS::EC2::LaunchTemplate').flatMap(
      ({ Properties }) => Properties.LaunchTemplateData.BlockDeviceMappings,
    )
    expect(disks).toHaveLength(4)
    for (const { Ebs } of disks)
      expect(Ebs).toMatchObject({ Encrypted: true, VolumeType: 'gp3', DeleteOnTermination: true })
  })

  test('the systems are pinned', () => {
    const ids = ofType(fleet, 'AWS::EC2::LaunchTemplate').map(
      ({ Properties }) => Properties.LaunchTemplateData.ImageId,
    )
    for (const id of ids) expect(id).toMatch(/^(ami-|resolve:ssm:.*:\d+$)/)
    expect(ids.some((id) => id.includes('arm64')) && ids.some((id) => id.includes('x86_64'))).toBe(true)
  })

  test('the group mixes types of both architectures on Spot, each with its own launch template', () => {
    const [group] = ofType(fleet, 'AWS::AutoScaling::AutoScalingGroup')
    const { MixedInstancesPolicy: mixed, VPCZoneIdentifier: subnets, ...properties } = group!.Properties
    expect(subnets).toHaveLength(3)
    expect(mixed.InstancesDistribution).toMatchObject({
      SpotAllocationStrategy: 'price-capacity-optimized',
      OnDemandPercentageAboveBaseCapacity: 0,
    })
    const overrides: {
      InstanceType: string
      LaunchTemplateSpecification: { LaunchTemplateId: { Ref: string } }
    }[] = mixed.LaunchTemplate.Overrides
    expect(overrides).toHaveLength(8)
    for (const { InstanceType, LaunchTemplateSpecification } of overrides) {
      const arm = /^[a-z]+\d+g/.test(InstanceType)
      expect(LaunchTemplateSpecification.LaunchTemplateId.Ref).toBe(arm ? 'LaunchArm' : 'LaunchX86')
    }
    expect(properties).toMatchObject({
      MinSize: '0',
      MaxSize: '20',
      CapacityRebalance: true,
      NewInstancesProtectedFromScaleIn: true,
      DefaultInstanceWarmup: 180,
      MaxInstanceLifetime: 7 * 86_400,
    })
    // Scaling's own: a deployment of the stack must not change it.
    expect(properties).not.toHaveProperty('DesiredCapacity')
  })

  test('both hooks are there from the first instance on, and end as they should when nobody speaks', () => {
    const [group] = ofType(fleet, 'AWS::AutoScaling::AutoScalingGroup')
    const hooks = group!.Properties.LifecycleHookSpecificationList
    expect(hooks).toEqual([
      expect.objectContaining({
        LifecycleHookName: 'launch',
        HeartbeatTimeout: 900,
        DefaultResult: 'ABANDON',
      }),
      expect.objectContaining({
        LifecycleHookName: 'terminate',
        HeartbeatTimeout: 900,
        DefaultResult: 'CONTINUE',
      }),
    ])
  })

  test('scaling follows the metric as the publisher sends it, and starts from nothing by steps', () => {
    const policies = ofType(fleet, 'AWS::AutoScaling::ScalingPolicy').map(({ Properties }) => Properties)
    const track = policies.find(({ PolicyType }) => PolicyType === 'TargetTrackingScaling')
    expect(track.TargetTrackingConfiguration).toEqual({
      TargetValue: 15,
      CustomizedMetricSpecification: {
        Namespace: 'Academy/VideoProcessing',
        MetricName: 'BacklogPerInstance',
        Statistic: 'Average',
        Unit: 'Count',
        Dimensions: [
          { Name: 'WorkerType', Value: 'Video' },
          { Name: 'AutoScalingGroupName', Value: 'academy-video-workers' },
        ],
      },
    })
    const steps = policies.find(({ PolicyType }) => PolicyType === 'StepScaling').StepAdjustments
    expect(steps.map((step: { ScalingAdjustment: number }) => step.ScalingAdjustment)).toEqual([1, 3, 9])
    const start = fleet.Resources.WorkAndNobody!.Properties
    expect(start.AlarmActions).toEqual([{ Ref: 'StartFromZero' }])
  })

  test('the publisher runs each minute, in the network, by digest, without a second try and without a secret', () => {
    const [code] = ofType(fleet, 'AWS::Lambda::Function')
    const { Code, Environment, VpcConfig, Timeout } = code!.Properties
    expect(JSON.stringify(Code.ImageUri)).toMatch(/academy\/video-worker@sha256:0{64}/)
    expect(VpcConfig.SubnetIds).toHaveLength(3)
    expect(Timeout).toBeLessThan(60)
    expect(
      Object.keys(Environment.Variables).filter((name) => /KEY|PASSWORD|TOKEN|SECRET/.test(name)),
    ).toEqual([])
    expect(ofType(fleet, 'AWS::Events::Rule')[0]!.Properties.ScheduleExpression).toBe('rate(1 minute)')
    expect(ofType(fleet, 'AWS::Lambda::EventInvokeConfig')[0]!.Properties.MaximumRetryAttempts).toBe(0)
  })

  test('every alarm of the table is there, tells somebody, and links its section', () => {
    const made = ofType(fleet, 'AWS::CloudWatch::Alarm').map(({ Properties }) => Properties)
    const names = Object.keys(alarms).filter((name) => name !== 'delete-old')
    expect(made).toHaveLength(names.length + 1)
    for (const name of names) {
      const alarm = made.find(({ AlarmName }) => AlarmName === `academy-video-workers-${name}`)
      expect(alarm.AlarmDescription).toContain(`docs/runbook.md#${name}`)
      expect(alarm.AlarmActions).toEqual([{ Ref: expect.stringMatching(/^AlarmTopic/) }])
      // One answer each.
      const shown = alarm.Metrics.filter(({ ReturnData }: { ReturnData?: boolean }) => ReturnData !== false)
      expect(shown).toHaveLength(1)
    }
    const silent = made.find(({ AlarmName }) => AlarmName.endsWith('publisher-silent'))
    expect(silent.TreatMissingData).toBe('breaching')
  })

  test('a star stands only where AWS knows no resource', () => {
    const statements = ofType(fleet, 'AWS::IAM::Policy').flatMap(
      ({ Properties }) =>
        Properties.PolicyDocument.Statement as { Action: string | string[]; Resource: unknown }[],
    )
    const open = statements.filter(({ Resource }) => Resource === '*').flatMap(({ Action }) => Action)
    expect(open.sort()).toEqual([
      'autoscaling:DescribeAutoScalingGroups',
      'autoscaling:DescribeLifecycleHooks',
      'cloudwatch:PutMetricData',
      'ec2:CreateNetworkInterface',
      'ec2:DeleteNetworkInterface',
      'ec2:DescribeNetworkInterfaces',
      'ecr:GetAuthorizationToken',
      'ssm:UpdateInstanceInformation',
      'ssmmessages:CreateControlChannel',
      'ssmmessages:CreateDataChannel',
      'ssmmessages:OpenControlChannel',
      'ssmmessages:OpenDataChannel',
    ])
    expect(
      ofType(fleet, 'AWS::IAM::Role').flatMap(({ Properties }) => Properties.ManagedPolicyArns ?? []),
    ).toEqual([])
  })

  test('logs are kept for as long as the settings say', () => {
    const groups = ofType(fleet, 'AWS::Logs::LogGroup')
    expect(groups.map(({ Properties }) => Properties.RetentionInDays)).toEqual([30, 30])
  })
})

test('with queues of its own, code on the host, disks of the instances and a key', async () => {
  const key = 'arn:aws:kms:ap-northeast-2:123456789012:key/0123abcd'
  const settings = {
    ...example,
    queues: { name: 'jobs', create: true, deleteName: 'deletes' },
    run: { from: 'code', codeUri: 's3://bucket/video-worker.tar.gz' },
    parameters: { kmsKeyArn: key },
    instances: {
      ...example.instances,
      types: { arm64: ['c7gd.2xlarge', 'c6gd.2xlarge'], x86_64: [] },
      scratchGiB: 0,
      sessionManager: false,
    },
    publisher: { ...example.publisher, extraQueues: 'AI=academy-ai-jobs-lite' },
    network: { ...example.network, metricsFrom: 'sg-0123456789abcdef0' },
    alarms: { topicArn: 'arn:aws:sns:ap-northeast-2:123456789012:ops' },
  }
  const run = await synth('other', settings)
  expect(run).toMatchObject({ code: 0, stderr: '' })
  const fleet = run.template('academy-video-workers')

  const queues = ofType(fleet, 'AWS::SQS::Queue')
  const named = (name: string) => queues.find(({ Properties }) => Properties.QueueName === name)!
  expect(queues).toHaveLength(3)
  expect(queues.map(({ DeletionPolicy }) => DeletionPolicy)).toEqual(['Retain', 'Retain', 'Retain'])
  for (const name of ['jobs', 'deletes']) {
    const { RedrivePolicy, MessageRetentionPeriod } = named(name).Properties
    expect(RedrivePolicy.maxReceiveCount).toBe(50)
    expect(MessageRetentionPeriod).toBeLessThan(named('jobs-dlq').Properties.MessageRetentionPeriod)
  }
  const [template, ...more] = ofType(fleet, 'AWS::EC2::LaunchTemplate')
  expect(more).toEqual([])
  expect(template!.Properties.LaunchTemplateData.BlockDeviceMappings).toHaveLength(1)
  const rights = JSON.stringify(ofType(fleet, 'AWS::IAM::Policy'))
  expect(rights).toContain(key)
  expect(rights).toContain(':s3:::bucket/video-worker.tar.gz')
  expect(rights).toContain(':academy-ai-jobs-lite')
  expect(rights).not.toMatch(/ecr:|ssmmessages/)
  expect(ofType(fleet, 'AWS::SNS::Topic')).toEqual([])
  expect(fleet.Resources.AlarmDeleteOld).toBeDefined()
  expect(JSON.stringify(fleet.Resources.Workers)).toContain('9090')
})

test('cdk-nag finds what is kept with a reason, and nothing that is not there any more', async () => {
  const place = join(folder, 'nag')
  mkdirSync(place)
  const child = join(root, 'test/integration/stack/nag-child.ts')
  await promisify(execFile)(process.execPath, [child, place], { env: clean() })
  interface Report {
    pluginReports: { violations: { ruleName: string; violatingConstructs: { constructPath: string }[] }[] }[]
  }
  const report: Report = JSON.parse(readFileSync(join(place, 'validation-report.json'), 'utf8'))
  const found = report.pluginReports.flatMap(({ violations }) =>
    violations.flatMap(({ ruleName, violatingConstructs }) =>
      violatingConstructs.map(({ constructPath }) => `${constructPath} ${ruleName}`),
    ),
  )
  const kept = exceptionsOf(exampleSettings()).map(({ at, id }) => {
    const path = at.endsWith('Policy') ? `${at}/Resource` : at
    return `academy-video-workers/${path} ${id}`
  })
  expect(found.sort()).toEqual(kept.sort())
})

test('wrong settings end it before the CDK is loaded, with 78 and every problem', async () => {
  const run = await synth('wrong', { ...example, region: 'Seoul', queues: { nmae: 'x' } })
  expect(run.code).toBe(78)
  expect(run.stderr).toMatch(/^config_invalid: The settings in .* are wrong:\n- .*\n- .*\n$/)
})
