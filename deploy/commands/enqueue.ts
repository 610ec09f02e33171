import { randomUUID } from 'node:crypto'
import { parseMessage } from '../../shared/messages.ts'
import type { Storage } from '../../shared/storage.ts'
import { now } from '../../shared/time.ts'
import { type CommandContext, numberFlag, show, textFlag } from './context.ts'
import { CommandError } from './errors.ts'
import { usage } from './parse.ts'
import { sendJob } from './send.ts'
import { describeTarget, readTarget } from './target.ts'

/** The message as the product's API sends it (contract.md section 1, version 3), with the profile that is ours. */
export function transcodeBody(job: {
  jobId: string
  videoId: number
  tenantId: number
  fileKey: string
  createdAt: string
  profile: string | undefined
}): string {
  return JSON.stringify({
    job_id: job.jobId,
    video_id: job.videoId,
    tenant_id: job.tenantId,
    file_key: job.fileKey,
    created_at: job.createdAt,
    ...(job.profile === undefined ? {} : { profile: job.profile }),
  })
}

export async function enqueue(context: CommandContext): Promise<void> {
  const { ports, signal } = context
  const fileKey = context.args[0]!
  const ids = { min: 1, max: Number.MAX_SAFE_INTEGER }
  const videoId = numberFlag(context, 'video', ids)
  if (videoId === undefined) throw usage('enqueue', '--video is missing')
  const tenantId = numberFlag(context, 'tenant', ids) ?? Number(/^tenants\/(\d+)\//.exec(fileKey)?.[1] ?? 0)
  const jobId = textFlag(context, 'job-id')?.toLowerCase() ?? randomUUID()
  const createdAt = new Date(now()).toISOString()
  const body = transcodeBody({
    jobId,
    videoId,
    tenantId,
    fileKey,
    createdAt,
    profile: textFlag(context, 'profile'),
  })
  const message = parseMessage(body, { bucket: '', catalogKeyPrefix: '' })
  if (message.kind === 'poison') throw usage('enqueue', message.reason)

  if (!context.flags.unchecked && !(await isThere(ports.storage(), fileKey, signal)))
    throw new CommandError(
      'not_found',
      `The bucket has no object ${fileKey} (--unchecked sends it all the same)`,
    )
  const target = readTarget(body, ports.config)!
  const { state } = await sendJob(target, ports, signal, { onlyNew: true })
  if (state !== undefined) {
    const hint = state === 'dead' || state === 'cancelled' ? `: video-worker job retry ${jobId}` : ''
    throw new CommandError('failed', `There is a job ${jobId} already, and it is ${state}${hint}`)
  }
  const sent = { jobId, videoId, tenantId, fileKey, queue: ports.config.queue.name, body: JSON.parse(body) }
  show(context, sent, [`job ${jobId} (${describeTarget(target)}) is in ${ports.config.queue.name}`])
}

/** A missing object and a missing bucket answer a HEAD alike; a listing tells them apart. Throws storage_denied. */
async function isThere(storage: Storage, key: string, signal: AbortSignal): Promise<boolean> {
  if (await storage.head(key, signal)) return true
  for await (const _ of storage.list(key, signal, { page: 1 })) break
  return false
}
