import type { JobRecord } from '../../shared/job-console.ts'
import { cancelKey, jobRecordKey, statusKey } from '../../shared/keys.ts'
import { isJobId } from '../../shared/message-fields.ts'
import { type CommandContext, confirm, show } from './context.ts'
import { walkDeadLetters } from './dead-letters.ts'
import { CommandError } from './errors.ts'
import { redisNow, scan } from './fleet.ts'
import { duration, factLines, short } from './format.ts'
import type { Ports } from './ports.ts'
import { sendJob } from './send.ts'
import { progressOf } from './status.ts'
import { describeTarget, readTarget, type Target } from './target.ts'

/** The API's own request lives as long (contract.md section 3); the record keeps the wish for longer. */
const cancelSeconds = 300

export async function jobShow(context: CommandContext): Promise<void> {
  const { ports, signal } = context
  const jobId = jobIdOf(context)
  const record = await readRecord(ports, jobId)
  const target = readTarget(record.body, ports.config)
  const redis = ports.redis()
  const bar = target ? await progressOf(redis, target) : undefined
  const video = target?.identity.video
  const told = video ? await redis.get(statusKey(video.tenantId, video.videoId)) : null
  const parts: Record<string, string> = {}
  for await (const keys of scan(redis, `${jobRecordKey(jobId)}/*`, signal))
    for (const key of keys)
      parts[key.slice(jobRecordKey(jobId).length + 1)] = (await redis.field(key, 'state')) ?? 'waiting'
  const nowMs = await redisNow(redis)
  const leaseLeftSeconds =
    record.state === 'running' ? Math.round((record.leaseUntilMs - nowMs) / 1000) : null
  const { leaseUntilMs: _, updatedMs, body, ...facts } = record
  const value = {
    ...facts,
    state: record.state ?? 'waiting',
    ...{ kind: target?.kind ?? null, tenantId: target?.tenantId ?? null, videoId: target?.videoId ?? null },
    fileKey: target?.fileKey ?? null,
    leaseLeftSeconds,
    updatedAt: updatedMs === 0 ? null : new Date(updatedMs).toISOString(),
    progress: bar ?? null,
    status: told === null ? null : (asJson(told) ?? null),
    parts,
    message: asJson(body) ?? null,
  }
  show(context, value, jobText(value))
}

function jobText(job: {
  readonly [name: string]: unknown
  readonly parts: Readonly<Record<string, string>>
  readonly leaseLeftSeconds: number | null
}): string[] {
  const bar = job.progress as { step: string; percent: number; remaining_seconds: number | null } | null
  const states = Object.values(job.parts)
  const text = (name: string) => (job[name] === null ? undefined : String(job[name]))
  return factLines({
    job: text('jobId'),
    state: job.cancelAsked ? `${job.state}, to be cancelled` : text('state'),
    kind: text('kind'),
    tenant: text('tenantId'),
    video: text('videoId'),
    source: text('fileKey'),
    attempts: `${job.starts} starts, ${job.failures} failed, ${job.crashes} crashed, ${job.releases} handed back`,
    owner: text('owner'),
    lease: job.leaseLeftSeconds === null ? undefined : leaseWords(job.leaseLeftSeconds),
    progress: bar ? `${bar.step}, ${bar.percent} %, ${duration(bar.remaining_seconds)} left` : undefined,
    'told the API': job.status === null ? undefined : JSON.stringify(job.status),
    parts:
      states.length === 0
        ? undefined
        : `${states.filter((state) => state === 'done').length} of ${states.length} done`,
    ...Object.fromEntries(
      Object.entries(job.parts)
        .filter(([, state]) => state !== 'done')
        .map(([name, state]) => [`  ${name}`, state]),
    ),
    'last change': text('updatedAt'),
    message: job.message === null ? undefined : JSON.stringify(job.message),
  })
}

function leaseWords(seconds: number): string {
  return seconds < 0
    ? `ran out ${duration(-seconds)} ago: the next worker takes the job over`
    : `${duration(seconds)} left`
}

export async function jobCancel(context: CommandContext): Promise<void> {
  const { ports } = context
  const jobId = jobIdOf(context)
  const record = await ports.jobs().read(jobId)
  const target = record && readTarget(record.body, ports.config)
  if (target && target.kind !== 'transcode')
    throw new CommandError('failed', `Job ${jobId} is a ${target.kind} job, which cannot be cancelled`)
  await confirm(context, `Cancel job ${jobId} (${target ? describeTarget(target) : 'not claimed yet'})`)
  const state = await ports.jobs().askCancel(jobId)
  if (state === 'done' || state === 'dead' || state === 'cancelled')
    throw new CommandError('failed', `Job ${jobId} has ended: it is ${state}`)
  const video = target?.identity.video
  if (video) await ports.redis().set(cancelKey(video.tenantId, video.videoId), '1', cancelSeconds)
  const when =
    state === 'running' || state === 'fanned'
      ? 'is being stopped'
      : record
        ? 'ends when a worker takes its message'
        : 'is not known yet: if there is a message of it, it ends when a worker takes that'
  show(context, { jobId, state: state ?? 'waiting', cancelAsked: true }, [`job ${jobId} ${when}`])
}

export async function jobRetry(context: CommandContext): Promise<void> {
  const { ports, signal } = context
  const jobId = jobIdOf(context)
  const record = await ports.jobs().read(jobId)
  const state = record?.state
  if (state === 'done')
    throw new CommandError('failed', `Job ${jobId} is done: a new job (enqueue) makes the video again`)
  if (state !== undefined && state !== 'dead' && state !== 'cancelled')
    throw new CommandError('failed', `Job ${jobId} has not ended: it is ${state}`)

  const letters = await ports.deadLetters()
  let target: Target | undefined = record && readTarget(record.body, ports.config)
  let groupId: string | undefined
  let removed = 0
  const walk = walkDeadLetters(letters, signal)
  try {
    const own = []
    for await (const letter of walk.letters) {
      const found = readTarget(letter.body, ports.config)
      if (found?.jobId !== jobId) continue
      own.push(letter)
      target ??= found
      if (found.part === undefined) groupId = letter.groupId
    }
    if (!target) throw new CommandError('not_found', unknownJob(jobId, record))
    const { sent, state: before } = await sendJob(target, ports, signal, { groupId })
    if (!sent) throw new CommandError('failed', `Job ${jobId} has not ended: it is ${before}`)
    for (const letter of own) {
      await walk.remove(letter)
      removed += 1
    }
  } finally {
    await walk.end()
  }
  const value = { jobId, before: state ?? null, removedDeadLetters: removed }
  show(context, value, [`job ${jobId} (${describeTarget(target)}) starts over`])
}

function unknownJob(jobId: string, record: JobRecord | undefined): string {
  const why = record ? 'The message of this job was not kept' : 'Nothing is known of this job'
  return `${why}, and the dead-letter queue does not hold it: video-worker enqueue … --job-id ${jobId}`
}

async function readRecord(ports: Ports, jobId: string): Promise<JobRecord> {
  const record = await ports.jobs().read(jobId)
  if (record) return record
  throw new CommandError(
    'not_found',
    `Redis has no record of job ${jobId}: no worker has taken it yet, or it ended over 15 days ago`,
  )
}

/** Every job's id is a UUID (shared/messages.ts): of a slip nothing must be noted that waits for ever. */
function jobIdOf({ args }: CommandContext): string {
  const jobId = args[0]!.toLowerCase()
  if (isJobId(jobId)) return jobId
  throw new CommandError('usage', `"${short(args[0]!, 60)}" is not the id of a job`)
}

function asJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text === '' ? undefined : text
  }
}
