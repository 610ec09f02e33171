import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { retry } from './backoff.ts'
import type { Config } from './config.ts'
import { WorkerError } from './errors.ts'

/** One try of a call; the last words of a worker, which are such calls, must fit into seconds. */
const requestMs = 4_000

/** Auto Scaling throttles whole accounts for a moment: a fleet that starts at once must not give up at once. */
const retries = { tries: 4, base: 0.5, cap: 4 }

/** A hook that holds a terminating instance until somebody says that it may go. */
export interface TerminationHook {
  readonly name: string
  /** Seconds from its start, or from the last beat, until it ends by itself. */
  readonly heartbeatSeconds: number
  /** Seconds from its start until no beat helps any more. */
  readonly globalSeconds: number
}

/**
 * The Auto Scaling group of this instance. Calls throw scaling_unavailable when there is no answer after a few
 * tries, or a refusal for want of a permission; an abort throws its reason.
 */
export interface Scaling {
  /** SetInstanceProtection. `out of service`: the instance is not (or no more) one that can be protected. */
  protect(on: boolean, signal: AbortSignal): Promise<'done' | 'out of service'>
  terminationHooks(signal: AbortSignal): Promise<TerminationHook[]>
  /** RecordLifecycleActionHeartbeat: the hook's time begins anew. */
  beat(hook: string, signal: AbortSignal): Promise<'done' | 'not active'>
  /** CompleteLifecycleAction with CONTINUE. `not active`: not yet, or not any more. */
  complete(hook: string, signal: AbortSignal): Promise<'done' | 'not active'>
  close(): void
}

export interface ScalingOptions {
  /** Instead of the SDK's own chain (environment, profile, instance role). */
  credentials?: { accessKeyId: string; secretAccessKey: string }
}

/** group: the name of the group; instanceId: of this instance. The SDK is loaded here: most workers need none. */
export async function openScaling(
  { scaling: { endpoint }, awsRegion: region }: Pick<Config, 'scaling' | 'awsRegion'>,
  { group, instanceId }: { group: string; instanceId: string },
  { credentials }: ScalingOptions = {},
): Promise<Scaling> {
  const sdk = await import('@aws-sdk/client-auto-scaling')
  const client = new sdk.AutoScalingClient({
    region,
    ...(credentials === undefined ? {} : { credentials }),
    ...(endpoint === undefined ? {} : { endpoint }),
    // Retried here, so that an abort ends a wait.
    maxAttempts: 1,
    requestHandler: {
      connectionTimeout: 2_000,
      requestTimeout: requestMs,
      throwOnRequestTimeout: true,
      httpAgent: new HttpAgent({ keepAlive: true }),
      httpsAgent: new HttpsAgent({ keepAlive: true }),
    },
  })
  const ours = { AutoScalingGroupName: group, InstanceId: instanceId }

  /** normal: what a ValidationError may say that is an answer. */
  async function call<T, N extends string = never>(
    action: string,
    signal: AbortSignal,
    run: () => Promise<T>,
    normal?: { says: RegExp; means: N },
  ): Promise<T | N> {
    try {
      return await retry(run, { ...retries, signal, retryIf: isTransient })
    } catch (error) {
      if (signal.aborted) throw signal.reason
      const { name = 'unknown', message = '' } = (error ?? {}) as { name?: string; message?: string }
      if (normal && name === 'ValidationError' && normal.says.test(message)) return normal.means
      const text = `Auto Scaling did not ${action} (group ${group}, instance ${instanceId}): ${name}: ${message}`
      throw new WorkerError('scaling_unavailable', text, { details: { action, error: name } })
    }
  }
  const notActive = { says: /no active lifecycle action/i, means: 'not active' } as const
  const done = (answer: unknown) => (answer === notActive.means ? notActive.means : 'done')

  return {
    async protect(on, abortSignal) {
      const input = { AutoScalingGroupName: group, InstanceIds: [instanceId], ProtectedFromScaleIn: on }
      const run = () => client.send(new sdk.SetInstanceProtectionCommand(input), { abortSignal })
      const outside = { says: /not in InService/i, means: 'out of service' } as const
      const what = on ? 'protect the instance' : 'end the protection'
      return (await call(what, abortSignal, run, outside)) === outside.means ? outside.means : 'done'
    },
    async terminationHooks(abortSignal) {
      const input = { AutoScalingGroupName: group }
      const run = () => client.send(new sdk.DescribeLifecycleHooksCommand(input), { abortSignal })
      const answer = await call('tell its hooks', abortSignal, run)
      return (answer.LifecycleHooks ?? [])
        .filter((hook) => hook.LifecycleTransition === 'autoscaling:EC2_INSTANCE_TERMINATING')
        .map(({ LifecycleHookName: name = '', HeartbeatTimeout = 3600, GlobalTimeout = 172_800 }) => ({
          ...{ name, heartbeatSeconds: HeartbeatTimeout, globalSeconds: GlobalTimeout },
        }))
    },
    async beat(LifecycleHookName, abortSignal) {
      const command = new sdk.RecordLifecycleActionHeartbeatCommand({ ...ours, LifecycleHookName })
      const run = () => client.send(command, { abortSignal })
      return done(await call('take the heartbeat', abortSignal, run, notActive))
    },
    async complete(LifecycleHookName, abortSignal) {
      const input = { ...ours, LifecycleHookName, LifecycleActionResult: 'CONTINUE' }
      const run = () => client.send(new sdk.CompleteLifecycleActionCommand(input), { abortSignal })
      return done(await call('complete the lifecycle action', abortSignal, run, notActive))
    },
    close: () => client.destroy(),
  }
}

/** No answer, a fault of the service, or a throttle (which the query protocol answers with 400). */
function isTransient(error: unknown): boolean {
  const { name = '', $metadata } = (error ?? {}) as {
    name?: string
    $metadata?: { httpStatusCode?: number }
  }
  const status = $metadata?.httpStatusCode ?? 0
  return (
    status === 0 || status >= 500 || status === 429 || /Throttl|RequestLimit|ResourceContention/.test(name)
  )
}
