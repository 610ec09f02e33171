/** After the storm: how long until nothing is left to do, and what is left when that takes too long. */
import { sleep } from '../../shared/time.ts'
import type { Fleet } from '../fleet/harness.ts'
import { names } from '../local/stack-env.ts'
import { endsByJob } from './facts.ts'
import type { Keepers } from './keepers.ts'
import type { People } from './people.ts'

/** As LEASE_BEAT_SECONDS of the run. */
export const beatSeconds = 2
/**
 * Beats from the end of the storm until all is quiet. What is known to last: a lease that nobody beats (12 beats), a
 * job whose video is unknown (30), a ledger that the bucket did not remove (30), and the work of jobs that are open.
 */
const beatsForAll = 120
const beatsForEach = 3
/** Rounds of the reconciler behind that: what it sends again has to end as well. */
const mostRounds = 6

export interface Settled {
  readonly beats: number
  readonly limit: number
  /** Of the reconciler when all was quiet, by finding. */
  readonly afterwards: readonly string[]
  readonly unsettled: readonly string[]
}

export async function settle(
  fleet: Fleet,
  people: People,
  keepers: Keepers,
  say: (line: string) => void,
): Promise<Settled> {
  const { signal } = fleet
  const limit = beatsForAll + beatsForEach * openJobs(fleet, people).length
  const afterwards: string[] = []
  let beats = 0
  for (let round = 0; round < mostRounds; ) {
    const left = await whatIsLeft(fleet, people)
    if (left.length === 0) {
      round += 1
      const repaired = await keepers.afterwards(signal)
      afterwards.push(...repaired)
      if (repaired.length > 0) say(`the reconciler mended ${repaired.join(', ')}`)
      else if ((await whatIsLeft(fleet, people)).length === 0)
        return { beats, limit, afterwards, unsettled: [] }
      continue
    }
    if (beats >= limit) return { beats, limit, afterwards, unsettled: left }
    if (beats % 15 === 0) say(`settling: ${left.slice(0, 3).join('; ')}${left.length > 3 ? ' …' : ''}`)
    beats += 1
    await sleep(beatSeconds * 1000, { signal })
  }
  const unsettled = [`the reconciler still mends after ${mostRounds} rounds: ${afterwards.join(', ')}`]
  return { beats, limit, afterwards, unsettled }
}

async function whatIsLeft(fleet: Fleet, people: People): Promise<string[]> {
  const { stack } = fleet
  const { waiting, inFlight, delayed } = await stack.sqs.counts(names.queue)
  const left = openJobs(fleet, people)
  if (waiting + inFlight + delayed > 0) {
    const some = (await stack.sqs.messages(names.queue)).slice(0, 3).map(({ body, receiveCount }) => {
      return `${body.slice(0, 120)} received ${receiveCount} times`
    })
    left.push(`in the queue ${waiting} + ${inFlight} + ${delayed}, such as ${some.join(', ')}`)
  }
  for (const tenant of people.tenants) {
    const count = await stack.backlog(tenant)
    if (count !== 0) left.push(`the backlog of tenant ${tenant} is ${count}`)
  }
  const shown = await stack.redisClient.keys('tenant:*:heartbeat')
  if (shown.length > 0) left.push(`shown as being worked on: ${shown.join(', ')}`)
  return left
}

/** Jobs of which the API has heard no end, and is there to hear one. */
function openJobs(fleet: Fleet, people: People): string[] {
  const ends = endsByJob(fleet, 0)
  return people.jobs
    .filter(({ jobId, deletedMs }) => deletedMs === undefined && !ends.has(jobId))
    .map(({ jobId, source }) => `job ${jobId} (${source}) is open`)
}
