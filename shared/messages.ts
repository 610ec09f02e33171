import { jobRoot } from './keys.ts'
import {
  derivedId,
  type Fields,
  idField,
  isFields,
  isJobId,
  keyField,
  quoted,
  textField,
  timeField,
  Unfit,
} from './message-fields.ts'
import { isPartKind, partFields } from './message-parts.ts'
import { catalogueJob, isObjectEvent, oneBodyEach } from './object-event.ts'

/** What the body of a queue message asks for: contract.md section 1. */
export type Message =
  | TranscodeMessage
  | DeleteMessage
  | CatalogueMessage
  | PartMessage
  | JoinMessage
  | IgnoredMessage

export interface TranscodeMessage {
  kind: 'transcode'
  /** lower-case UUID; derived from tenant, video and created_at in version 2 */
  jobId: string
  videoId: number
  tenantId: number
  fileKey: string
  profile?: string
  /** ISO 8601; absent when the sender's was missing or could not be read */
  createdAt?: string
  version: 3 | 2
}

export interface DeleteMessage {
  kind: 'delete'
  jobId: string
  videoId: number
  tenantId: number
  /** '' when there is no raw object to delete */
  fileKey: string
  /** the video's own root or a folder below it, with a final slash */
  hlsPrefix: string
}

export interface CatalogueMessage {
  kind: 'catalogue'
  jobId: string
  /** digits; absent when the key has none and the API is to give one */
  contentId?: string
  slug: string
  title: string
  fileKey: string
}

/** One chunk or one audio track of a job that is shared over the fleet. */
export interface PartMessage {
  kind: 'part'
  /** the parent's with the part's name behind it */
  jobId: string
  part: Part
  parent: TranscodeMessage | CatalogueMessage
  parentBody: string
}

/** What a video is cut into: chunks of pictures, and each audio track whole, and all subtitles together. */
export interface Part {
  type: 'chunk' | 'audio' | 'text'
  index: number
}

/** Asks whether all parts of a job are there: then it is published, else what was lost is sent again. */
export interface JoinMessage {
  kind: 'join'
  /** the parent's */
  jobId: string
  parent: TranscodeMessage | CatalogueMessage
  parentBody: string
}

/** Known and nothing to do: to be acked. */
export interface IgnoredMessage {
  kind: 'ignored'
  reason: string
}

/** One notification of several objects: to be sent again as these bodies, one message each, then acked. */
export interface Several {
  kind: 'several'
  bodies: string[]
}

/** To be parked in the dead-letter queue. `reason` is printable ASCII of at most 200 characters. */
export interface Poison {
  kind: 'poison'
  reason: string
}

export interface MessageOptions {
  /** R2_PREFIX: events name whole keys, jobs are told keys without it */
  r2Prefix?: string
  catalogKeyPrefix: string
  /** events of other buckets are poison: their objects could not be read */
  bucket: string
}

/** Reads the body of a message. Pure, and never throws: whatever is not known comes back as poison, with a reason. */
export function parseMessage(body: string, options: MessageOptions): Message | Several | Poison {
  try {
    const fields = parseBody(body)
    if (fields.Event === 's3:TestEvent') return { kind: 'ignored', reason: 's3:TestEvent' }
    if (isObjectEvent(fields)) {
      const bodies = oneBodyEach(fields)
      return bodies ? { kind: 'several', bodies } : catalogueJob(asParent(fields, body), options)
    }
    if (isPartKind(fields.kind)) return partJob(fields, options)
    if (fields.action === 'delete_r2') return deleteJob(fields)
    if (fields.action !== undefined) throw new Unfit(`unknown action ${quoted(fields.action)}`)
    if (fields.kind !== undefined && fields.kind !== 'transcode')
      throw new Unfit(`unknown kind ${quoted(fields.kind)}`)
    return transcodeJob(asParent(fields, body))
  } catch (error) {
    // anything but Unfit is a fault of this code, and still no reason to loop on the message
    const reason = error instanceof Unfit ? error.message : `could not be read: ${quoted(String(error))}`
    return { kind: 'poison', reason: reason.slice(0, 200) }
  }
}

/** Each part of a shared video carries its job's body, quoted: SQS takes 256 KiB for certain, and the rest needs some. */
const longestQuoted = 250 * 1024

function asParent(fields: Fields, body: string): Fields {
  const bytes = Buffer.byteLength(JSON.stringify(body))
  if (bytes > longestQuoted)
    throw new Unfit(`a body of ${bytes} bytes when quoted: its parts could not carry it (${longestQuoted})`)
  return fields
}

/** Our own messages carry the parent's body whole, which is read and checked as if it came by itself. */
function partJob(fields: Fields, options: MessageOptions): PartMessage | JoinMessage {
  const { part, parent: body } = partFields(fields)
  const parent = parseMessage(body, options)
  if (parent.kind !== 'transcode' && parent.kind !== 'catalogue')
    throw new Unfit(`part of ${quoted(parent.kind)}`)
  if (!part) return { kind: 'join', jobId: parent.jobId, parent, parentBody: body }
  const jobId = `${parent.jobId}/${part.type}-${part.index}`
  return { kind: 'part', jobId, part, parent, parentBody: body }
}

function parseBody(body: string): Fields {
  let value: unknown
  try {
    value = JSON.parse(body)
  } catch {
    throw new Unfit(body === '' ? 'empty body' : `not JSON: ${quoted(body)}`)
  }
  if (!isFields(value)) throw new Unfit(`not a JSON object: ${quoted(value)}`)
  return value
}

function transcodeJob(fields: Fields): TranscodeMessage {
  if (fields.tenant_id === undefined) {
    const names = quoted(Object.keys(fields))
    throw new Unfit(
      fields.video_id ? 'no tenant_id (a message of version 1)' : `not a known message: ${names}`,
    )
  }
  const tenantId = idField(fields, 'tenant_id')
  const videoId = idField(fields, 'video_id')
  const version = versionOf(fields)
  const fileKey = ownKey(fields, tenantId)
  if (fileKey === '') throw new Unfit('file_key is missing')
  const profile = textField(fields, 'profile')
  const createdAt = timeField(fields, 'created_at')
  return {
    kind: 'transcode',
    jobId:
      version === 3 ? givenId(fields) : derivedId('transcode', tenantId, videoId, stamp(fields) || fileKey),
    videoId,
    tenantId,
    fileKey,
    ...(profile === undefined ? {} : { profile }),
    ...(createdAt === undefined ? {} : { createdAt }),
    version,
  }
}

function deleteJob(fields: Fields): DeleteMessage {
  const tenantId = idField(fields, 'tenant_id')
  const videoId = idField(fields, 'video_id')
  const given = keyField(fields, 'hls_prefix')
  if (given === undefined) throw new Unfit('hls_prefix is missing')
  const hlsPrefix = given.endsWith('/') ? given : `${given}/`
  // with the final slash on both: video 5 must not take video 55 along
  if (!hlsPrefix.startsWith(jobRoot(tenantId, videoId))) {
    throw new Unfit(`hls_prefix is not under ${jobRoot(tenantId, videoId)}: ${quoted(given)}`)
  }
  const fileKey = ownKey(fields, tenantId)
  const jobId = derivedId('delete', tenantId, videoId, fileKey, hlsPrefix, stamp(fields))
  return { kind: 'delete', jobId, videoId, tenantId, fileKey, hlsPrefix }
}

/** `file_key`, or '' when it is absent; refused when it is not an object of this tenant. */
function ownKey(fields: Fields, tenantId: number): string {
  const key = keyField(fields, 'file_key')
  if (key === undefined) return ''
  if (!key.startsWith(`tenants/${tenantId}/`)) {
    throw new Unfit(`file_key is not under tenants/${tenantId}/: ${quoted(key)}`)
  }
  if (key.endsWith('/')) throw new Unfit(`file_key is a folder: ${quoted(key)}`)
  return key
}

function versionOf(fields: Fields): 3 | 2 {
  const { version } = fields
  if (version !== undefined && version !== null && !['2', '3'].includes(String(version))) {
    throw new Unfit(`unknown version ${quoted(version)}`)
  }
  return fields.job_id === undefined || fields.job_id === null ? 2 : 3
}

function givenId(fields: Fields): string {
  const id = fields.job_id
  if (typeof id !== 'string' || !isJobId(id.toLowerCase()))
    throw new Unfit(`job_id is not a UUID: ${quoted(id)}`)
  return id.toLowerCase()
}

/** `created_at` as it was sent: part of a derived id even where it is no time. */
function stamp(fields: Fields): string {
  const value = fields.created_at
  return value === undefined || value === null
    ? ''
    : typeof value === 'string'
      ? value
      : JSON.stringify(value)
}
