import type { Config } from '../../shared/config.ts'
import { asWorkerError } from '../../shared/errors.ts'
import { type Metadata, openMetadata } from '../../shared/metadata.ts'
import { openScaling, type Scaling } from '../../shared/scaling.ts'
import type { CommandContext } from './context.ts'
import type { Notes } from './finding.ts'

/** No instance has it: Auto Scaling says so to whoever may ask, and the others hear of the permission first. */
const noInstance = 'i-00000000000000000'

/** The instance metadata, and the Auto Scaling group that the instance is in; nothing of it is changed. */
export async function checkInstance(config: Config, notes: Notes, { signal }: CommandContext): Promise<void> {
  const { metadata, scaling } = config
  if (metadata.disabled) return notes.ok('metadata', 'not asked: AWS_EC2_METADATA_DISABLED is set')
  const service = openMetadata({ endpoint: metadata.endpoint })
  try {
    const id = await service.get('instance-id', signal)
    if (!id)
      return notes.warn('metadata', 'it names no instance', 'look at AWS_EC2_METADATA_SERVICE_ENDPOINT')
    notes.ok('metadata', `instance ${id}, IMDSv2`)
    const group = scaling.group || (await groupOf(service, signal))
    if (group) await checkGroup(config, group, notes, signal)
    else
      notes.warn(
        'scaling',
        'no Auto Scaling group is known',
        'name it in AUTO_SCALING_GROUP_NAME, or allow tags in the instance metadata; without it nothing is protected',
      )
  } catch (error) {
    signal.throwIfAborted()
    notes.warn(
      'metadata',
      asWorkerError(error).message,
      'on EC2: allow IMDSv2 with a hop limit of 2; elsewhere set AWS_EC2_METADATA_DISABLED=true',
    )
  } finally {
    service.close()
  }
}

async function groupOf(service: Metadata, signal: AbortSignal): Promise<string | undefined> {
  return service.get('tags/instance/aws:autoscaling:groupName', signal).catch(() => undefined)
}

async function checkGroup(config: Config, group: string, notes: Notes, signal: AbortSignal): Promise<void> {
  const scaling = await openScaling(config, { group, instanceId: noInstance })
  try {
    const hooks = await scaling.terminationHooks(signal)
    const wanted = config.scaling.hook
    const hook = wanted === '' ? hooks[0] : hooks.find(({ name }) => name === wanted)
    if (!hook)
      notes.warn(
        group,
        wanted === '' ? 'it has no termination hook' : `it has no termination hook ${wanted}`,
        'put one: without it a scale-in ends jobs in the middle',
      )
    else {
      const found = `hook ${hook.name} waits ${hook.heartbeatSeconds} s`
      if (hook.heartbeatSeconds > config.drainSeconds) notes.ok(group, found)
      else notes.warn(group, found, `make it longer than DRAIN_SECONDS (${config.drainSeconds})`)
      await tryCall(group, 'RecordLifecycleActionHeartbeat', notes, () => scaling.beat(hook.name, signal))
    }
    await tryProtection(config, group, notes, scaling, signal)
  } catch (error) {
    signal.throwIfAborted()
    notes.warn(group, asWorkerError(error).message, 'allow autoscaling:DescribeLifecycleHooks to the role')
  } finally {
    scaling.close()
  }
}

async function tryProtection(
  config: Config,
  group: string,
  notes: Notes,
  scaling: Scaling,
  signal: AbortSignal,
): Promise<void> {
  if (config.scaling.protection === 'off') return notes.ok(group, 'SCALE_IN_PROTECTION is off')
  await tryCall(group, 'SetInstanceProtection', notes, () => scaling.protect(true, signal))
}

/** A ValidationError is about the instance that does not exist: the call is allowed. */
async function tryCall(
  group: string,
  action: string,
  notes: Notes,
  run: () => Promise<unknown>,
): Promise<void> {
  try {
    await run()
    notes.ok(group, `allowed: ${action}`)
  } catch (thrown) {
    const error = asWorkerError(thrown)
    if (error.details.error === 'ValidationError') notes.ok(group, `allowed: ${action}`)
    else notes.warn(group, error.message, `allow autoscaling:${action} to the role`)
  }
}
