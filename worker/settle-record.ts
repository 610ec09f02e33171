import { retry } from '../shared/backoff.ts'
import { asWorkerError, WorkerError } from '../shared/errors.ts'
import type { FinalState } from '../shared/jobs.ts'
import { sleep } from '../shared/time.ts'
import type { SettleInput } from './settle.ts'

/** A job that ended before the API had counted it waits so long for its count, in milliseconds. */
const countedWithin = { looks: 10, everyMs: 1_000 }

export interface RecordEnd<Result> {
  readonly state: FinalState
  readonly result?: Result
  readonly error?: WorkerError
  /** A new message of the same job may start it again. */
  readonly revivable?: boolean
}

/**
 * The record's end, fenced. Redis away: the message decides alone, and the end is written when Redis is back. Throws
 * lease_lost when another worker took the job over.
 */
export async function finishRecord<Result>(
  input: SettleInput<Result>,
  { state, revivable = false, ...rest }: RecordEnd<Result>,
): Promise<void> {
  const { ending, signal, lease, records, logger } = input
  const how = { state, status: ending.status({ state, ...rest }), revivable }
  const write = async () => {
    const token = await lease.claimNow()
    lease.leaveRecord()
    return records.finish(ending.identity, token, how)
  }
  try {
    // A job that Redis has never heard of can wait for it, its slot need not.
    const retryIf = () => lease.token() !== undefined
    const answer = await retry(write, { tries: 3, base: 0.2, cap: 2, signal, retryIf })
    if (answer === 'lost')
      throw new WorkerError('lease_lost', 'another worker took the job over before it was settled')
    if (answer === 'owing') await leaveBacklog(input)
  } catch (error) {
    if (asWorkerError(error).kind === 'lost') throw error
    logger.warn({ err: error }, 'the job record could not be ended')
    input.lateEnds?.add(ending.identity.jobId, write)
  }
}

/**
 * Leaves the record to the job's parts, fenced. A job that Redis never heard of is claimed first: it would stand in the
 * backlog until its join. Redis away: both are done when it is back. Throws lease_lost when another worker has the job.
 */
export async function leaveToParts<Result>(input: SettleInput<Result>): Promise<void> {
  const { ending, lease, records, logger } = input
  const write = async () => {
    const token = await lease.claimNow()
    lease.leaveRecord()
    await records.fanOut(ending.identity, token)
  }
  try {
    await write()
  } catch (error) {
    if (asWorkerError(error).kind === 'lost') throw error
    logger.warn({ err: error }, 'the job record could not be left to its parts')
    input.lateEnds?.add(ending.identity.jobId, write)
  }
}

/** The API counts a job after it has sent it (contract.md section 3): a quick end may come before. */
async function leaveBacklog<Result>({ records, ending, signal }: SettleInput<Result>): Promise<void> {
  for (let look = 0; look < countedWithin.looks; look++) {
    await sleep(countedWithin.everyMs, { signal })
    // A look that Redis does not answer is one of ten: the record has ended, and is not ended again for it.
    if (await records.payDebt(ending.identity).catch(() => false)) return
  }
}

/** Gives the record back, fenced; tried again, since a hand-back that Redis missed would count as a crash. */
export function releaseRecord<Result>(
  { records, ending, signal }: SettleInput<Result>,
  count: 'failures' | 'crashes' | 'releases',
  token: number,
  within = signal,
): Promise<number> {
  const give = () => records.release(ending.identity, token, count)
  return retry(give, { tries: 3, base: 0.2, cap: 2, signal: within })
}
