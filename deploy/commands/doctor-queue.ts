import type { Config } from '../../shared/config.ts'
import { WorkerError } from '../../shared/errors.ts'
import { readAttributes } from '../../shared/queue-attributes.ts'
import { queueDifferences } from '../../shared/queue-needs.ts'
import { type Permission, probeQueue, type QueueProbe } from '../../shared/queue-probe.ts'
import type { CommandContext } from './context.ts'
import type { Notes } from './finding.ts'
import { duration } from './format.ts'

/** What a worker does to its queue, and to the dead-letter queue; the rest of the latter only operators do. */
const neededOfDead: readonly Permission['action'][] = ['SendMessage']

export async function checkQueues(config: Config, notes: Notes, { signal }: CommandContext): Promise<void> {
  const { name, deadLetterName } = config.queue
  const [main, dead] = await Promise.all([
    probe(config, name, notes, signal),
    probe(config, deadLetterName, notes, signal),
  ])
  if (main) {
    judgeMain(main, config, notes)
    judgePermissions(main, notes, () => 'fail')
  }
  if (dead) {
    judgeDead(dead, main, notes)
    judgePermissions(dead, notes, (action) => (neededOfDead.includes(action) ? 'fail' : 'warn'))
  }
}

async function probe(
  config: Config,
  name: string,
  notes: Notes,
  signal: AbortSignal,
): Promise<QueueProbe | undefined> {
  try {
    const found = await probeQueue(config, name, signal)
    notes.ok(name, 'found')
    return found
  } catch (error) {
    if (!(error instanceof WorkerError)) throw error
    const advice =
      error.code === 'config_invalid'
        ? 'make the queue, correct its name or AWS_REGION, or let the instance role use it'
        : 'open the way to SQS: network, endpoint (AWS_ENDPOINT_URL_SQS), credentials of the instance role'
    notes.fail(name, error.message, advice)
    return undefined
  }
}

function judgeMain({ name, attributes }: QueueProbe, { lease }: Config, notes: Notes): void {
  const live = readAttributes(attributes)
  const differences = queueDifferences(live, lease)
  for (const difference of differences)
    notes.warn(name, difference, `aws sqs set-queue-attributes on ${name}`)
  if (differences.length === 0) {
    const { visibilitySeconds, retentionSeconds, maxReceiveCount } = live
    notes.ok(
      name,
      `visibility ${visibilitySeconds} s, retention ${duration(retentionSeconds)}, ${maxReceiveCount} receives`,
    )
  }
  if (attributes.FifoQueue === 'true')
    notes.fail(
      name,
      'it is a FIFO queue',
      'use a standard queue: order would hold back all behind one long job',
    )
  if (Number(attributes.DelaySeconds ?? 0) > 0)
    notes.warn(name, `every message is delayed by ${attributes.DelaySeconds} s`, 'set DelaySeconds to 0')
}

function judgeDead(dead: QueueProbe, main: QueueProbe | undefined, notes: Notes): void {
  const { name, attributes } = dead
  const live = readAttributes(attributes)
  const target = main && readAttributes(main.attributes).deadLetterArn
  const retention = main ? readAttributes(main.attributes).retentionSeconds : 0
  if (target !== undefined && attributes.QueueArn !== undefined && target !== attributes.QueueArn)
    notes.fail(
      name,
      `the queue redrives to ${target}`,
      'name that one in VIDEO_SQS_DLQ_NAME, or correct the redrive policy',
    )
  if (live.retentionSeconds < retention)
    notes.warn(
      name,
      `retention ${duration(live.retentionSeconds)} is shorter than the queue’s ${duration(retention)}`,
      'make it longer: a message that SQS moves keeps the time that it was first sent',
    )
  else notes.ok(name, `retention ${duration(live.retentionSeconds)}`)
  if (live.deadLetterArn !== undefined)
    notes.warn(name, 'it has a redrive policy of its own', 'take it out: looking into it would empty it')
  const count = live.waiting + live.inFlight + live.delayed
  if (count > 0) notes.warn(name, `it holds ${count}`, 'video-worker dlq list --by-reason')
}

function judgePermissions(
  { name, permissions }: QueueProbe,
  notes: Notes,
  levelOf: (action: Permission['action']) => 'fail' | 'warn',
): void {
  const allowed = permissions.filter(({ verdict }) => verdict === 'allowed').map(({ action }) => action)
  if (allowed.length > 0) notes.ok(name, `allowed: ${allowed.join(', ')}`)
  for (const { action, verdict, answer } of permissions) {
    if (verdict === 'denied')
      notes[levelOf(action)](name, `${action} is refused: ${answer}`, `allow sqs:${action} to the role`)
    if (verdict === 'unknown')
      notes.warn(name, `whether ${action} is allowed is not known: ${answer}`, 'run doctor again')
  }
}
