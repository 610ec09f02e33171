import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createFaults, type Faults, waitOut } from './faults.ts'

export interface ScalingCall {
  readonly action: string
  readonly parameters: Readonly<Record<string, string>>
  readonly status: number
}

interface Hook {
  readonly name: string
  readonly transition: 'LAUNCHING' | 'TERMINATING'
  readonly heartbeatSeconds: number
}

/** One Auto Scaling group by its query protocol, as far as an instance in it talks to it. */
export interface ScalingServer {
  readonly endpoint: string
  /** `operation` is the action (`SetInstanceProtection`). */
  readonly faults: Faults
  /** Every call that was answered, in order. */
  readonly calls: readonly ScalingCall[]
  /** Of an instance: `InService`, `Terminating:Wait`, … */
  state(id: string): string
  add(id: string, state?: string): void
  isProtected(id: string): boolean
  /** As a scale-in: false when the instance is protected; else it waits for its hook, or goes. */
  scaleIn(id: string): boolean
  /** As TerminateInstanceInAutoScalingGroup: protection does not help. */
  terminate(id: string): void
  close(): Promise<void>
}

export interface ScalingServerOptions {
  readonly group: string
  readonly hooks?: readonly Hook[]
  /** Hears of the state that an instance is going to, as its metadata would. */
  onTarget?(id: string, state: string): void
}

class Refusal extends Error {}

export async function startScalingServer(options: ScalingServerOptions): Promise<ScalingServer> {
  const { group, hooks = [] } = options
  const instances = new Map<string, { state: string; isProtected: boolean }>()
  const calls: ScalingCall[] = []
  const faults = createFaults()

  function instanceOf(id: string) {
    const instance = instances.get(id)
    if (!instance) throw new Refusal(`The instance ${id} is not part of Auto Scaling group ${group}.`)
    return instance
  }

  function act(action: string, parameters: Record<string, string>): string {
    if (parameters.AutoScalingGroupName !== group)
      throw new Refusal(`AutoScalingGroup name not found - no such group: ${parameters.AutoScalingGroupName}`)
    switch (action) {
      case 'SetInstanceProtection': {
        const id = parameters['InstanceIds.member.1'] ?? ''
        const instance = instanceOf(id)
        if (!['InService', 'EnteringStandby', 'Standby'].includes(instance.state))
          throw new Refusal(`The instance ${id} is not in InService or EnteringStandby or Standby.`)
        instance.isProtected = parameters.ProtectedFromScaleIn === 'true'
        return ''
      }
      case 'DescribeLifecycleHooks':
        return `<LifecycleHooks>${hooks.map(describe).join('')}</LifecycleHooks>`
      case 'RecordLifecycleActionHeartbeat':
        waiting(parameters)
        return ''
      case 'CompleteLifecycleAction': {
        const instance = waiting(parameters)
        instance.state = instance.state.replace('Wait', 'Proceed')
        return ''
      }
      default:
        throw new Refusal(`Could not find operation ${action}`)
    }
  }

  function waiting({ LifecycleHookName: hook, InstanceId: id = '' }: Record<string, string>) {
    const instance = instanceOf(id)
    if (!hooks.some(({ name }) => name === hook) || !instance.state.endsWith(':Wait'))
      throw new Refusal(`No active Lifecycle Action found with instance ID ${id}`)
    return instance
  }

  function describe({ name, transition, heartbeatSeconds }: Hook): string {
    return `<member><LifecycleHookName>${name}</LifecycleHookName><AutoScalingGroupName>${group}</AutoScalingGroupName>
      <LifecycleTransition>autoscaling:EC2_INSTANCE_${transition}</LifecycleTransition>
      <HeartbeatTimeout>${heartbeatSeconds}</HeartbeatTimeout><GlobalTimeout>${heartbeatSeconds * 100}</GlobalTimeout>
      <DefaultResult>CONTINUE</DefaultResult></member>`
  }

  const server = createServer(async (request, response) => {
    let body = ''
    for await (const piece of request) body += String(piece)
    const { Action: action = '', ...parameters } = Object.fromEntries(new URLSearchParams(body))
    const fault = faults.take({ method: 'POST', operation: action, key: group })
    if (fault) await waitOut(fault)
    if (fault?.reset) return request.socket.destroy()
    if (fault?.stall) return
    const reply = (status: number, xml: string) => {
      calls.push({ action, parameters, status })
      response.writeHead(status, { 'content-type': 'text/xml' }).end(xml)
    }
    const refuse = (status: number, code: string, message: string) =>
      reply(
        status,
        `<ErrorResponse xmlns="${namespace}"><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error><RequestId>${randomUUID()}</RequestId></ErrorResponse>`,
      )
    if (fault?.status) return refuse(fault.status, fault.code ?? 'InternalFailure', 'Injected fault')
    if (!/^AWS4-HMAC-SHA256 .*\/autoscaling\/aws4_request/.test(request.headers.authorization ?? ''))
      return refuse(403, 'MissingAuthenticationToken', 'Request is missing Authentication Token')
    try {
      const result = act(action, parameters)
      reply(
        200,
        `<${action}Response xmlns="${namespace}"><${action}Result>${result}</${action}Result><ResponseMetadata><RequestId>${randomUUID()}</RequestId></ResponseMetadata></${action}Response>`,
      )
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      refuse(400, 'ValidationError', error.message)
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))

  function terminate(id: string): void {
    const held = hooks.some(({ transition }) => transition === 'TERMINATING')
    instanceOf(id).state = held ? 'Terminating:Wait' : 'Terminating'
    options.onTarget?.(id, 'Terminated')
  }

  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    ...{ faults, calls, terminate },
    state: (id) => instanceOf(id).state,
    add(id, state = 'InService') {
      instances.set(id, { state, isProtected: false })
      options.onTarget?.(id, state.startsWith('Terminating') ? 'Terminated' : 'InService')
    },
    isProtected: (id) => instanceOf(id).isProtected,
    scaleIn(id) {
      if (instanceOf(id).isProtected) return false
      terminate(id)
      return true
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

const namespace = 'http://autoscaling.amazonaws.com/doc/2011-01-01/'
