import type { Stack } from 'aws-cdk-lib'
import { CfnAutoScalingGroup, CfnScalingPolicy } from 'aws-cdk-lib/aws-autoscaling'
import { CfnAlarm } from 'aws-cdk-lib/aws-cloudwatch'
import type { CfnLaunchTemplate } from 'aws-cdk-lib/aws-ec2'
import { metricQuery } from './alarms.ts'
import { cloudMetrics } from './cloud-metrics.ts'
import { dimensionsOf, namesOf } from './names.ts'
import type { Architecture, Settings } from './settings.ts'

const daySeconds = 86_400

/** Spot of several types and both architectures in all zones; the worker protects what is busy. */
export function makeGroup(
  stack: Stack,
  settings: Settings,
  templates: ReadonlyMap<Architecture, CfnLaunchTemplate>,
): CfnAutoScalingGroup {
  const { group, instances, network } = settings
  const names = namesOf(settings)
  const versionOf = (template: CfnLaunchTemplate) => ({
    launchTemplateId: template.ref,
    version: template.attrLatestVersionNumber,
  })
  const overrides = [...templates].flatMap(([architecture, template]) =>
    instances.types[architecture].map((instanceType) => ({
      instanceType,
      launchTemplateSpecification: versionOf(template),
    })),
  )
  const hook = (name: string, transition: string, defaultResult: string) => ({
    lifecycleHookName: name,
    lifecycleTransition: `autoscaling:EC2_INSTANCE_${transition}`,
    heartbeatTimeout: group.hookSeconds,
    defaultResult,
  })
  const [first] = templates.values()
  return new CfnAutoScalingGroup(stack, 'Group', {
    autoScalingGroupName: group.name,
    // Numbers as text, which is what CloudFormation has here. No desired capacity: it is scaling's.
    ...{ minSize: String(group.minSize), maxSize: String(group.maxSize) },
    vpcZoneIdentifier: network.subnetIds,
    mixedInstancesPolicy: {
      launchTemplate: { launchTemplateSpecification: versionOf(first!), overrides },
      instancesDistribution: {
        onDemandBaseCapacity: group.onDemandBase,
        onDemandPercentageAboveBaseCapacity: group.onDemandPercent,
        onDemandAllocationStrategy: 'prioritized',
        spotAllocationStrategy: 'price-capacity-optimized',
      },
    },
    capacityRebalance: true,
    // Within the group's own resource, so that they are there before its first instance is.
    lifecycleHookSpecificationList: [
      // Whoever does not say within the time that it is ready is ended, and another one is started.
      hook(names.launchHook, 'LAUNCHING', 'ABANDON'),
      hook(names.terminateHook, 'TERMINATING', 'CONTINUE'),
    ],
    // A worker takes jobs while its launch hook is still open, when nobody can protect it; and it removes the protection
    // when it is idle (worker/notices/protection.ts), so that none is left for good.
    newInstancesProtectedFromScaleIn: true,
    defaultInstanceWarmup: group.warmupSeconds,
    maxInstanceLifetime: group.maxLifetimeDays * daySeconds,
    healthCheckType: 'EC2',
    healthCheckGracePeriod: group.hookSeconds,
    metricsCollection: [{ granularity: '1Minute', metrics: groupMetrics() }],
  })
}

/** Those that alarms and dashboard look at. */
function groupMetrics(): string[] {
  return Object.values(cloudMetrics).flatMap((metric) => (metric.of === 'group' ? [metric.name] : []))
}

/**
 * Target tracking on the jobs that wait for each instance. Auto Scaling does not say what it makes of a target when
 * there is no instance to multiply, so the first ones come from a policy of steps: an instance per three targets.
 */
export function makeScaling(stack: Stack, settings: Settings, group: CfnAutoScalingGroup): void {
  const { backlogPerInstance: target } = settings.scaling
  const metric = cloudMetrics.backlogPerInstance
  const dimensions = Object.entries(dimensionsOf(metric, settings)).map(([name, value]) => ({ name, value }))
  const { namespace, name: metricName, statistic } = metric
  new CfnScalingPolicy(stack, 'Track', {
    autoScalingGroupName: group.ref,
    policyType: 'TargetTrackingScaling',
    targetTrackingConfiguration: {
      targetValue: target,
      customizedMetricSpecification: { namespace, metricName, dimensions, statistic, unit: 'Count' },
    },
  })
  const start = new CfnScalingPolicy(stack, 'StartFromZero', {
    autoScalingGroupName: group.ref,
    policyType: 'StepScaling',
    adjustmentType: 'ChangeInCapacity',
    metricAggregationType: 'Maximum',
    stepAdjustments: [
      { metricIntervalLowerBound: 0, metricIntervalUpperBound: 3 * target, scalingAdjustment: 1 },
      { metricIntervalLowerBound: 3 * target, metricIntervalUpperBound: 9 * target, scalingAdjustment: 3 },
      { metricIntervalLowerBound: 9 * target, scalingAdjustment: 9 },
    ],
  })
  new CfnAlarm(stack, 'WorkAndNobody', {
    alarmName: `${settings.stackName}-start-from-zero`,
    alarmDescription: 'Jobs wait and the group wants no instance: scaling starts some. No alarm for people.',
    metrics: [
      metricQuery('backlogPerInstance', settings),
      metricQuery('desired', settings),
      {
        id: 'alarm',
        expression: 'IF(FILL(desired, 0) < 1, backlogPerInstance, 0)',
        label: 'jobs that nobody waits for',
      },
    ],
    ...{ comparisonOperator: 'GreaterThanThreshold', threshold: 0, evaluationPeriods: 1 },
    treatMissingData: 'notBreaching',
    alarmActions: [start.ref],
  })
}
