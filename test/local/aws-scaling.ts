import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gunzipSync } from 'node:zlib'
import { createFaults, type Faults } from './faults.ts'

/** A point as CloudWatch took it. */
export interface Datum {
  readonly namespace: string
  readonly name: string
  readonly value: number
  readonly unit: string
  readonly dimensions: Readonly<Record<string, string>>
}

export interface AwsScaling {
  readonly endpoint: string
  /** Every point that was taken, in order. */
  readonly data: Datum[]
  /** LifecycleState of each instance of each group. */
  readonly groups: Map<string, string[]>
  /** `operation` is `PutMetricData` or `DescribeAutoScalingGroups`. */
  readonly faults: Faults
  close(): Promise<void>
}

const version = 'GraniteServiceVersion20100801.'

/**
 * CloudWatch (AWS JSON 1.0) and Auto Scaling (AWS Query) on one loopback port, as far as the publisher speaks to them:
 * the protocols of the pinned clients. Signatures are looked for and not checked.
 */
export async function startAwsScaling(): Promise<AwsScaling> {
  const data: Datum[] = []
  const groups = new Map<string, string[]>()
  const faults = createFaults()

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
    const raw = Buffer.concat(chunks)
    const text = (request.headers['content-encoding'] === 'gzip' ? gunzipSync(raw) : raw).toString('utf8')
    const target = String(request.headers['x-amz-target'] ?? '')
    const json = target.startsWith(version)
    const form = new URLSearchParams(json ? '' : text)
    const operation = json ? target.slice(version.length) : (form.get('Action') ?? '')
    const refuse = (status: number, code: string, message: string) =>
      json
        ? answer(response, status, JSON.stringify({ __type: `com.amazonaws.cloudwatch#${code}`, message }))
        : answer(response, status, errorXml(code, message))
    const fault = faults.take({ method: 'POST', operation, key: '' })
    if (fault?.reset) return void request.socket.destroy()
    if (fault?.status) return refuse(fault.status, fault.code ?? 'InternalFailure', 'Injected fault')
    if (!/^AWS4-HMAC-SHA256 /.test(request.headers.authorization ?? ''))
      return refuse(403, 'MissingAuthenticationToken', 'Request is missing Authentication Token')
    if (operation === 'PutMetricData') {
      data.push(...readData(text))
      return answer(response, 200, '{}')
    }
    if (operation === 'DescribeAutoScalingGroups')
      return answer(response, 200, groupsXml(groups, form.get('AutoScalingGroupNames.member.1') ?? ''))
    return refuse(400, 'InvalidAction', `no ${operation} here`)
  }

  const server = createServer((request, response) => {
    serve(request, response).catch((error: unknown) => answer(response, 500, String(error)))
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve())
  })
  const { port } = server.address() as AddressInfo
  return {
    ...{ endpoint: `http://127.0.0.1:${port}`, data, groups, faults },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

interface PutMetricData {
  readonly Namespace: string
  readonly MetricData: readonly {
    readonly MetricName: string
    readonly Value: number
    readonly Unit: string
    readonly Dimensions: readonly { readonly Name: string; readonly Value: string }[]
  }[]
}

function readData(text: string): Datum[] {
  const { Namespace, MetricData } = JSON.parse(text) as PutMetricData
  return MetricData.map(({ MetricName, Value, Unit, Dimensions }) => ({
    ...{ namespace: Namespace, name: MetricName, value: Value, unit: Unit },
    dimensions: Object.fromEntries(Dimensions.map((each) => [each.Name, each.Value])),
  }))
}

function groupsXml(groups: ReadonlyMap<string, readonly string[]>, name: string): string {
  const states = groups.get(name)
  const instances = (states ?? []).map(
    (state, index) =>
      `<member><InstanceId>i-${index}</InstanceId><LifecycleState>${state}</LifecycleState><AvailabilityZone>a</AvailabilityZone><HealthStatus>Healthy</HealthStatus><ProtectedFromScaleIn>false</ProtectedFromScaleIn></member>`,
  )
  const group = `<member><AutoScalingGroupName>${name}</AutoScalingGroupName><MinSize>0</MinSize><MaxSize>9</MaxSize><DesiredCapacity>${instances.length}</DesiredCapacity><Instances>${instances.join('')}</Instances></member>`
  const xmlns = 'http://autoscaling.amazonaws.com/doc/2011-01-01/'
  return `<DescribeAutoScalingGroupsResponse xmlns="${xmlns}"><DescribeAutoScalingGroupsResult><AutoScalingGroups>${states ? group : ''}</AutoScalingGroups></DescribeAutoScalingGroupsResult><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></DescribeAutoScalingGroupsResponse>`
}

function errorXml(code: string, message: string): string {
  return `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error><RequestId>1</RequestId></ErrorResponse>`
}

function answer(response: ServerResponse, status: number, text: string): void {
  const type = text.startsWith('<') ? 'text/xml' : 'application/x-amz-json-1.0'
  response.writeHead(status, { 'content-type': type })
  response.end(text)
}
