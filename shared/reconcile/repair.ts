import { asWorkerError } from '../errors.ts'
import { keepSeconds } from '../jobs.ts'
import { jobFolderOf, jobRecordKey, reconcileKey, sentAgainKey, workFolder } from '../keys.ts'
import { now } from '../time.ts'
import type { Finding, Repair, Repaired } from './finding.ts'
import { viewFolder } from './folder.ts'
import { judgeFolder } from './judge-folder.ts'
import { type Lock, underLock } from './lock.ts'
import { parentOf, readRecord } from './records.ts'
import type { CountingWorld, World } from './world.ts'

type Outcome = 'repaired' | 'changed'
type Act<R extends Repair> = (repair: R, finding: Finding) => Promise<Outcome>

export interface RepairOptions {
  readonly signal: AbortSignal
  /** True unless told: says what would be done, without the lock. */
  readonly dryRun?: boolean
}

/**
 * Carries the repairs of findings out, in their order, one answer a finding. Each looks once more right before it acts,
 * and does nothing when it was done already or when things have changed. A repair that fails leaves the others alone.
 * Throws reconcile_busy when another reconciler is at work, redis_unavailable without Redis, and the signal's reason.
 */
export function repair(
  found: readonly Finding[],
  world: World,
  { signal, dryRun = true }: RepairOptions,
): Promise<Repaired[]> {
  return carryOut(found, world, dryRun, signal, async (each, finding) => {
    switch (each.type) {
      case 'send':
        return send(world, each, signal)
      case 'put_back':
        return putBack(world, each)
      case 'end_part':
        return endPart(world, each)
      case 'correct_counter':
        return correctCounter(world, each)
      case 'remove':
        return remove(world, each, finding, signal)
      case 'abort_upload':
        await world.uploads.abort(each, signal)
        return 'repaired'
    }
  })
}

/** The counters alone, for whoever has no bucket: everything else is left. */
export function repairCounters(
  found: readonly Finding[],
  world: CountingWorld,
  { signal, dryRun = true }: RepairOptions,
): Promise<Repaired[]> {
  const counters = found.filter((finding) => finding.code === 'counter_drift')
  return carryOut(counters, world, dryRun, signal, async (each) =>
    each.type === 'correct_counter' ? correctCounter(world, each) : 'changed',
  )
}

async function carryOut(
  found: readonly Finding[],
  world: CountingWorld,
  dryRun: boolean,
  signal: AbortSignal,
  act: Act<Repair>,
): Promise<Repaired[]> {
  let acts = 0
  async function one(finding: Finding, lock?: Lock): Promise<Repaired> {
    const { repair, reason } = finding
    if (!repair) return { finding, result: 'left', reason }
    if (acts >= world.limits.repairs)
      return { finding, result: 'left', reason: `one run repairs ${world.limits.repairs} at most` }
    acts += 1
    if (!lock) return { finding, result: 'would', reason }
    await lock.keep()
    try {
      return { finding, result: await act(repair, finding), reason }
    } catch (error) {
      signal.throwIfAborted()
      const { code, message } = asWorkerError(error)
      return { finding, result: 'failed', reason: `${code}: ${message}` }
    }
  }
  const each = async (lock?: Lock) => {
    const results: Repaired[] = []
    for (const finding of found) {
      signal.throwIfAborted()
      results.push(await one(finding, lock))
    }
    return results
  }
  return dryRun || found.every((finding) => finding.repair === null) ? each() : underLock(world, each)
}

/** Noted first: sent twice for one loss it would keep a job alive that is given up. */
async function send(
  { redis, queue }: World,
  { jobId, body, groupId, found, counter, againSeconds }: Extract<Repair, { type: 'send' }>,
  signal: AbortSignal,
): Promise<Outcome> {
  const record = jobRecordKey(jobId)
  const note = sentAgainKey(jobId)
  const answer = await redis.run(
    'repair-resend',
    [record, note, counter === '' ? record : counter],
    [found.state, found.updated, Math.ceil(againSeconds * 1000)],
  )
  if (answer !== 1) return 'changed'
  try {
    await queue.send(body, { groupId, signal })
  } catch (error) {
    await redis.delete(note).catch(() => {})
    throw error
  }
  return 'repaired'
}

async function putBack(
  { redis }: World,
  { jobId, counter, leaseUntil }: Extract<Repair, { type: 'put_back' }>,
): Promise<Outcome> {
  const record = jobRecordKey(jobId)
  const keys = [record, counter === '' ? record : counter]
  return (await redis.run('repair-stalled', keys, [leaseUntil, keepSeconds])) === 1 ? 'repaired' : 'changed'
}

async function endPart(
  { redis }: World,
  { jobId, counter, found }: Extract<Repair, { type: 'end_part' }>,
): Promise<Outcome> {
  const record = jobRecordKey(jobId)
  const keys = [record, jobRecordKey(parentOf(jobId)), counter === '' ? record : counter]
  const answer = await redis.run('repair-part', keys, [found.updated, found.parentState])
  return answer === 1 ? 'repaired' : 'changed'
}

async function correctCounter(
  { redis }: CountingWorld,
  { key, by, since }: Extract<Repair, { type: 'correct_counter' }>,
): Promise<Outcome> {
  const answer = await redis.run('repair-counter', [key, reconcileKey('drift')], [since, by])
  return Number(answer) >= 0 ? 'repaired' : 'changed'
}

/** Judged anew from the bucket and the record, since a job may have come back to life. */
async function remove(
  world: World,
  { folder, only }: Extract<Repair, { type: 'remove' }>,
  { code }: Finding,
  signal: AbortSignal,
): Promise<Outcome> {
  const job = jobFolderOf(folder)
  const view = job && (await viewFolder(world, job, signal))
  if (!view) return 'changed'
  const row = await readRecord(world.redis, view.jobId)
  const again = judgeFolder(view, row, { now: now(), empty: false }, world.limits)
  if (again?.code !== code || again.repair?.type !== 'remove' || again.repair.only !== only) return 'changed'
  await world.storage.deletePrefix(only === 'ledger' ? workFolder(folder) : folder, signal)
  return 'repaired'
}
