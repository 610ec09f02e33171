import type { Config } from '../../shared/config.ts'
import type { JobIdentity } from '../../shared/jobs.ts'
import { parseMessage } from '../../shared/messages.ts'

/** Which job a message's body is about. A part's or a join's is the job that it belongs to. */
export interface Target {
  readonly jobId: string
  readonly kind: 'transcode' | 'catalogue' | 'delete'
  readonly identity: JobIdentity
  readonly tenantId: number | undefined
  readonly videoId: number | undefined
  readonly fileKey: string
  /** `chunk-3`, when it is about a part of the job only. */
  readonly part: string | undefined
  /** The body that starts the whole job. */
  readonly body: string
}

/** undefined of a body that is no job: poison. Pure. */
export function readTarget(
  body: string,
  { r2, catalog }: Pick<Config, 'r2' | 'catalog'>,
): Target | undefined {
  const message = parseMessage(body, {
    // Not set: then films of the catalogue are not known, whose events name it.
    bucket: r2.bucket ?? '',
    r2Prefix: r2.prefix,
    catalogKeyPrefix: catalog.keyPrefix,
  })
  switch (message.kind) {
    case 'transcode':
    case 'delete': {
      const { jobId, kind, tenantId, videoId, fileKey } = message
      const video = kind === 'transcode' ? { video: { tenantId, videoId } } : {}
      const identity = { jobId, backlogTenant: tenantId, ...video }
      return { jobId, kind, identity, tenantId, videoId, fileKey, part: undefined, body }
    }
    case 'catalogue': {
      const { jobId, kind, fileKey } = message
      const nobody = { tenantId: undefined, videoId: undefined, part: undefined }
      return { jobId, kind, identity: { jobId }, fileKey, ...nobody, body }
    }
    case 'part':
    case 'join': {
      const whole = readTarget(message.parentBody, { r2, catalog } as Config)
      const part = message.kind === 'part' ? `${message.part.type}-${message.part.index}` : 'join'
      return whole && { ...whole, part }
    }
    default:
      return undefined
  }
}

/** `tenant 7, video 12`; the key of a film of the catalogue. */
export function describeTarget(target: Target | undefined): string {
  if (!target) return '-'
  const { tenantId, videoId, fileKey } = target
  return videoId === undefined ? fileKey : `tenant ${tenantId}, video ${videoId}`
}
