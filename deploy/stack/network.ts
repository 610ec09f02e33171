import type { Stack } from 'aws-cdk-lib'
import { CfnSecurityGroup } from 'aws-cdk-lib/aws-ec2'
import type { Settings } from './settings.ts'

/** What workers and publisher may call, and who may call a worker: the port of its `/metrics`, if the settings say so. */
export function makeSecurityGroups(stack: Stack, settings: Settings) {
  const { vpcId, egressPorts, metricsFrom } = settings.network
  const tcp = (port: number) => ({ ipProtocol: 'tcp', fromPort: port, toPort: port })
  const group = (id: string, groupDescription: string, ingress: CfnSecurityGroup.IngressProperty[]) =>
    new CfnSecurityGroup(stack, id, {
      ...{ vpcId, groupDescription, securityGroupIngress: ingress },
      securityGroupEgress: egressPorts.map((port) => ({
        ...{ ...tcp(port), cidrIp: '0.0.0.0/0', description: `port ${port}` },
      })),
      tags: [{ key: 'Name', value: `${settings.stackName}-${id}` }],
    })
  const scrape = { ...tcp(9090), sourceSecurityGroupId: metricsFrom, description: 'Prometheus' }
  return {
    workers: group('Workers', 'Video workers', metricsFrom === '' ? [] : [scrape]).attrGroupId,
    publisher: group('PublisherNetwork', 'Publisher of the backlog of the video workers', []).attrGroupId,
  }
}
