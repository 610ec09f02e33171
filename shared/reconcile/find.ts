import { asWorkerError } from '../errors.ts'
import { jobFolderOf, jobRecordKey, reconcileKey } from '../keys.ts'
import { now } from '../time.ts'
import { findCounters } from './counters.ts'
import { type Finding, unknown } from './finding.ts'
import { viewFolder } from './folder.ts'
import { judgeFolder } from './judge-folder.ts'
import { type JobVerdict, judgeJobs, judgeParts, type PartVerdict } from './judge-jobs.ts'
import { type Look, stands, takeLook } from './look.ts'
import { isHeld, type Records, readRecord, readRecords } from './records.ts'
import { walkFolders } from './walk.ts'
import type { World } from './world.ts'

export type Area = 'jobs' | 'counters' | 'folders' | 'uploads'
export const areas: readonly Area[] = ['jobs', 'counters', 'folders', 'uploads']

/** Where a walk through the bucket goes on is remembered for a month. */
const cursorSeconds = 30 * 86_400

/**
 * Everything that is not as it should be, in the order in which it should be mended. Nothing is changed but the
 * reconciler's own notes in Redis (`video-worker:reconcile:*`): looks at the queue and the counters, which are believed
 * only after they have stood for minutes (limits.ts), and where the walk through the bucket goes on. So one run alone,
 * on a machine without a publisher, says less than one that has been preceded by others: watch.ts waits for them.
 *
 * Never rejects but with the signal's reason: what cannot be learned is a finding of code `unknown`.
 */
export async function findings(
  world: World,
  { signal, only = areas }: { signal: AbortSignal; only?: readonly Area[] },
): Promise<Finding[]> {
  const found: Finding[] = []
  async function learn<T>(what: string, ask: () => Promise<T>): Promise<T | undefined> {
    try {
      return await ask()
    } catch (error) {
      signal.throwIfAborted()
      const { code, message } = asWorkerError(error)
      found.push(unknown(what, `${code}: ${message}`))
      return undefined
    }
  }

  const look = await learn('queue', () => takeLook(world, signal))
  const records = await learn('redis', () => readRecords(world.redis, world.limits.records, signal))
  if (records && !records.whole)
    found.push(unknown('records', `there are more than the ${world.limits.records} of one run`))
  if (only.includes('jobs') && records && look)
    found.push(...((await learn('jobs', () => findJobs(world, records, look))) ?? []))
  if (only.includes('counters') && records?.whole && look)
    found.push(...((await learn('counters', () => findCounters(world, records, look, signal))) ?? []))
  // Without Redis nobody knows which jobs live.
  if (only.includes('folders') && records)
    await learn('bucket', () => findFolders(world, look, found, signal))
  if (only.includes('uploads') && records) await learn('uploads', () => findUploads(world, found, signal))
  return found
}

async function findJobs(world: World, records: Records, look: Look): Promise<Finding[]> {
  const verdicts = judgeJobs(records, look, world.limits)
  const lost = await Promise.all(
    verdicts.map(async (verdict) => {
      // The one field that is long: read for those few that need it.
      const body = (await world.redis.field(jobRecordKey(verdict.row.jobId), 'body')) ?? ''
      return asFinding(verdict, body, world, look)
    }),
  )
  return [...lost, ...judgeParts(records, look, world.limits).map(partFinding)]
}

function partFinding({ row, ageSeconds, parentState }: PartVerdict): Finding {
  const { jobId, counter, updated } = row
  const evidence = { state: row.state, job: parentState || 'none' }
  const repair = { type: 'end_part', jobId, counter: counter ?? '', found: { updated, parentState } } as const
  return {
    ...{ code: 'part_left', what: jobId, ageSeconds, evidence },
    repair: counter === undefined ? null : repair,
    reason: 'its job has ended, and its message is lost',
  }
}

function asFinding(verdict: JobVerdict, body: string, { limits }: World, look: Look): Finding {
  const { code, row, ageSeconds, proof, parts } = verdict
  const { jobId, state, updated, counter = '', leaseUntil, failures, crashes } = row
  const { waiting, inFlight, delayed } = look.counts
  const evidence = {
    ...{ state, proof: proof ?? 'none', queue: `${waiting}+${inFlight}+${delayed}`, failures, crashes },
    ...(state === 'fanned' ? { openParts: parts } : {}),
  }
  const common = { code, what: jobId, ageSeconds, evidence }
  if (code === 'job_stalled') {
    if (!verdict.free) return { ...common, repair: null, reason: 'its message may be held by somebody still' }
    if (row.counter === undefined)
      return { ...common, repair: null, reason: 'its record does not say in which backlog it stands' }
    return {
      ...common,
      repair: { type: 'put_back', jobId, counter, leaseUntil },
      reason: 'its worker is gone',
    }
  }
  if (body === '')
    return {
      ...common,
      repair: null,
      reason: 'its record does not hold the message, so that it cannot be sent',
    }
  const tenant = /^tenant:(\d+):/.exec(counter)?.[1]
  const groupId = tenant === undefined ? 'catalogue' : `tenant-${tenant}`
  const againSeconds = proof === 'empty' ? limits.againSeconds : limits.backstopSeconds
  const repair = {
    type: 'send',
    jobId,
    body,
    groupId,
    found: { state, updated },
    counter,
    againSeconds,
  } as const
  const reason = {
    retention: 'nothing happened to it for longer than the queue keeps a message',
    empty: 'the queue has been empty for minutes, and nobody has the job',
    backstop: 'nothing happened to it for longer than any message is held',
  }[proof!]
  return { ...common, repair, reason }
}

async function findFolders(
  world: World,
  look: Look | undefined,
  found: Finding[],
  signal: AbortSignal,
): Promise<void> {
  const { limits, redis } = world
  const empty = look !== undefined && stands(look.emptySince, look.now, limits)
  const after = (await redis.get(reconcileKey('folders'))) ?? ''
  const next = await walkFolders(
    world.storage,
    { after, limit: limits.folders },
    async (job) => {
      const view = await viewFolder(world, job, signal)
      // The record last: it must not be older than what it is held against.
      const finding =
        view && judgeFolder(view, await readRecord(redis, job.jobId), { now: now(), empty }, limits)
      if (finding) found.push(finding)
    },
    signal,
  )
  await redis.set(reconcileKey('folders'), next, cursorSeconds)
  if (next !== '') found.push(unknown('folders', `the next run goes on behind ${next}`))
}

/** Only what lies where jobs write: uploads of sources are the product's. */
async function findUploads(world: World, found: Finding[], signal: AbortSignal): Promise<void> {
  let seen = 0
  for (const prefix of ['hls/', 'tenants/']) {
    for await (const { key, uploadId, begun } of world.uploads.list(prefix, signal)) {
      seen += 1
      if (seen > world.limits.uploads)
        return void found.push(unknown('uploads', `more than ${seen - 1} are open`))
      const job = jobFolderOf(key)
      const ageSeconds = Math.round((now() - begun) / 1000)
      if (!job || ageSeconds <= world.limits.leftSeconds) continue
      const row = await readRecord(world.redis, job.jobId)
      if (row && isHeld(row, now())) continue
      found.push({
        ...{ code: 'upload_left', what: key, ageSeconds, evidence: { record: row?.state ?? 'none' } },
        ...{ repair: { type: 'abort_upload', key, uploadId }, reason: 'no job uploads one file for so long' },
      })
    }
  }
}
