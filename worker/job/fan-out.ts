import type { JobIdentity, JobRecords } from '../../shared/jobs.ts'
import type { Logger } from '../../shared/logger.ts'
import { partBody } from '../../shared/message-parts.ts'
import type { Part } from '../../shared/messages.ts'
import type { Queue } from '../../shared/queue.ts'
import { partName } from '../chunk/parts.ts'

/** SQS delays a message for 15 minutes at most. */
const longestDelaySeconds = 900
/** Requests at a time; a three-hour video has about a hundred parts. */
const sendsAtOnce = 8

/** A job whose parts are sent: its identity, and the body that started it. */
export interface Shared {
  readonly identity: JobIdentity
  readonly body: string
  /** MessageGroupId: SQS serves the groups of a standard queue in turn (fair queues), so no tenant starves. */
  readonly group: string
}

export interface FanOutPorts {
  readonly queue: Queue
  readonly records: JobRecords
  /** A part's message that nobody received for so long counts as lost. */
  readonly lostSeconds: number
}

export interface FanOut {
  /** Sends the parts that nobody has, and a watch: a join that comes later and sees to what was lost. */
  send(parts: readonly Part[], logger: Logger, signal: AbortSignal): Promise<void>
  /** Asks for the join now: the last part is stored. */
  join(signal: AbortSignal): Promise<void>
}

export function partIdentity({ identity }: Shared, part: Part): JobIdentity {
  const { jobId, backlogTenant, video } = identity
  return {
    ...{ jobId: `${jobId}/${partName(part)}`, parent: identity },
    ...(backlogTenant === undefined ? {} : { backlogTenant }),
    ...(video === undefined ? {} : { video }),
  }
}

/**
 * Sound is encoded in one go over the whole source and may take longer than any chunk: begun last it would keep a wide
 * fleet waiting.
 */
function longestFirst(parts: readonly Part[]): Part[] {
  return parts.toSorted((a, b) => Number(a.type === 'chunk') - Number(b.type === 'chunk'))
}

export function createFanOut(job: Shared, { queue, records, lostSeconds }: FanOutPorts): FanOut {
  async function sendPart(part: Part, logger: Logger, signal: AbortSignal): Promise<boolean> {
    // Counted first: a crash in between leaves a count that the next delivery's message makes true.
    const wanted = await records
      .enqueue(partIdentity(job, part), lostSeconds * 1000)
      .catch((error: unknown) => {
        logger.warn({ err: error }, 'a part is sent without its record')
        return true
      })
    if (wanted) await queue.send(partBody(job.body, part), { groupId: job.group, signal })
    return wanted
  }

  return {
    async send(parts, logger, signal) {
      let sent = 0
      const ordered = longestFirst(parts)
      for (let at = 0; at < ordered.length; at += sendsAtOnce) {
        const batch = ordered.slice(at, at + sendsAtOnce).map((part) => sendPart(part, logger, signal))
        sent += (await Promise.all(batch)).filter(Boolean).length
      }
      const delaySeconds = Math.min(longestDelaySeconds, Math.ceil(lostSeconds))
      await queue.send(partBody(job.body), { groupId: job.group, delaySeconds, signal })
      logger.info({ parts: parts.length, sent }, 'parts sent to the fleet')
    },
    // Without the group: a message without one is a tenant of its own to SQS, so what makes a finished video visible
    // does not wait behind the next video's parts.
    join: (signal) => queue.send(partBody(job.body), { signal }),
  }
}
