/** Who holds which message, as the queue has it and whatever the workers believe. */
import type { MessageEvent, MessageView } from '../strict-sqs/message.ts'
import type { Machine } from './machine.ts'
import type { World } from './world.ts'

/** What a message's body is about. */
export interface About {
  /** Of a part or a join: the parent's. Of a delete: its own name. */
  readonly job: string
  /** `chunk-3`; '' of a whole job, or a join. */
  readonly part: string
  readonly videoId: number
}

const known = new Map<string, About | undefined>()

/** Undefined for poison. */
export function aboutOf(body: string): About | undefined {
  if (known.size > 10_000) known.clear()
  if (!known.has(body)) known.set(body, readAbout(body))
  return known.get(body)
}

function readAbout(body: string): About | undefined {
  if (!body.startsWith('{')) return undefined
  const fields = JSON.parse(body) as Record<string, unknown>
  if (typeof fields.parent === 'string') {
    const parent = aboutOf(fields.parent)
    return parent && { ...parent, part: fields.index === undefined ? '' : `${fields.kind}-${fields.index}` }
  }
  const videoId = Number(fields.video_id)
  if (fields.action !== undefined) return { job: `delete ${videoId}`, part: '', videoId }
  return typeof fields.job_id === 'string' ? { job: fields.job_id, part: '', videoId } : undefined
}

/**
 * The messages that a process may still work on: received, and neither deleted nor visible to others, as its own calls by
 * that very handle have it. What another handle does to the message (a call that was given up and comes late, a copy of
 * the message, another slot with it) nobody hears of before the next beat, and the record in Redis keeps others off until
 * then: that excuses a process until SQS refuses it a beat, and not a moment longer. Of a message that one process has
 * twice any of its deliveries counts: a call does not say which slot makes it.
 */
export function heldBy(world: World, machine: Machine): { message: MessageView; about: About }[] {
  const nowMs = world.clock.wallMs()
  const held: { message: MessageView; about: About }[] = []
  for (const message of world.queue.messages('ever')) {
    const about = aboutOf(message.body)
    const mine = new Map(
      message.history
        .filter(({ what, handle = '' }) => what !== 'lapsed' && world.handles.get(handle) === machine)
        .filter(({ handle = '' }) => !world.refused.has(handle))
        .map((event) => [event.handle, event]),
    )
    const isHeld = ({ visibleAtMs }: MessageEvent) =>
      visibleAtMs > nowMs && visibleAtMs !== Number.POSITIVE_INFINITY
    if (about && [...mine.values()].some(isHeld)) held.push({ message, about })
  }
  return held
}
