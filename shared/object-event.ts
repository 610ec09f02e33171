import { derivedId, type Fields, isFields, keyField, quoted, textField, Unfit } from './message-fields.ts'
import type { CatalogueMessage, IgnoredMessage, MessageOptions } from './messages.ts'
import { isSidecar } from './sidecars.ts'

/** "Object created" notifications of a bucket, from S3 itself or through EventBridge: contract.md sections 1 and 5. */

export function isObjectEvent(fields: Fields): boolean {
  return fields.Records !== undefined || fields['detail-type'] !== undefined
}

/** Far more than any service puts into one notification; each is a message to send within the minute that it has. */
const mostRecords = 1_000

/**
 * S3 sends one record a message but promises a list: the bodies to send instead, if there are several. Each holds its
 * record alone: with all else of the message in every one, a small hostile message would fill the memory. Throws Unfit.
 */
export function oneBodyEach(fields: Fields): string[] | undefined {
  const { Records: records } = fields
  if (!Array.isArray(records) || records.length < 2) return undefined
  if (records.length > mostRecords) throw new Unfit(`${records.length} records, more than ${mostRecords}`)
  return records.map((record: unknown) => JSON.stringify({ Records: [record] }))
}

/** The catalogue job for a created object, or why there is none to do. Throws Unfit. */
export function catalogueJob(fields: Fields, options: MessageOptions): CatalogueMessage | IgnoredMessage {
  const event = fields['detail-type'] === undefined ? fromS3(fields) : fromEventBridge(fields)
  if (!event.created) return { kind: 'ignored', reason: `not a creation: ${quoted(event.name)}` }
  if (event.bucket !== options.bucket) throw new Unfit(`event of another bucket: ${quoted(event.bucket)}`)

  const { r2Prefix = '', catalogKeyPrefix } = options
  const key = event.key.slice(r2Prefix.length)
  if (!event.key.startsWith(r2Prefix) || !key.startsWith(catalogKeyPrefix)) {
    return {
      kind: 'ignored',
      reason: `not under ${quoted(r2Prefix + catalogKeyPrefix)}: ${quoted(event.key)}`,
    }
  }
  // also where CATALOG_KEY_PREFIX would let them in: a worker that feeds itself never ends
  if (/^(hls|thumbnails)\/|^tenants\/\d+\/video\/hls\//.test(key)) {
    return { kind: 'ignored', reason: `a worker's own output: ${quoted(key)}` }
  }
  if (key.endsWith('/')) return { kind: 'ignored', reason: `a folder: ${quoted(key)}` }
  if (isSidecar(key)) return { kind: 'ignored', reason: `subtitles beside a film: ${quoted(key)}` }
  return {
    kind: 'catalogue',
    jobId: derivedId('catalogue', event.bucket, key, event.edition),
    ...named(key),
    fileKey: key,
  }
}

/** `videos/42_my-movie-title.mp4` is content 42, slug `my-movie-title`, title "My Movie Title". */
function named(key: string): Pick<CatalogueMessage, 'contentId' | 'slug' | 'title'> {
  const name = key.slice(key.lastIndexOf('/') + 1)
  const stem = name.replace(/(?<=.)\.[^.]*$/, '')
  const parts = /^(\d+)_(.*)$/.exec(stem)
  // `42_.mp4` has nothing left to be called by but its number
  const slug = parts ? parts[2] || parts[1]! : stem
  const words = slug.split(/[\s_-]+/).filter(Boolean)
  const title = words.map((word) => word[0]!.toUpperCase() + word.slice(1)).join(' ') || slug
  return { ...(parts ? { contentId: parts[1]! } : {}), slug, title }
}

interface ObjectEvent {
  created: boolean
  name: unknown
  bucket: string
  key: string
  /** what tells one upload of a key from the next: version, sequencer, else the content's tag */
  edition: string
}

function fromS3(fields: Fields): ObjectEvent {
  const record: unknown = Array.isArray(fields.Records) ? fields.Records[0] : undefined
  if (!isFields(record) || !isFields(record.s3)) throw new Unfit('Records without an s3 event')
  const { object, bucket } = record.s3
  if (!isFields(object) || !isFields(bucket)) throw new Unfit('an s3 event without object or bucket')
  const encoded = textField(object, 'key')
  return {
    created: /^(s3:)?ObjectCreated:/.test(String(record.eventName)),
    name: record.eventName,
    bucket: textField(bucket, 'name') ?? '',
    // the one format in which keys are coded like a form field
    key: checkedKey(encoded === undefined ? undefined : decoded(encoded)),
    edition:
      textField(object, 'versionId') ?? textField(object, 'sequencer') ?? textField(object, 'eTag') ?? '',
  }
}

function fromEventBridge(fields: Fields): ObjectEvent {
  const { detail } = fields
  if (!isFields(detail) || !isFields(detail.object) || !isFields(detail.bucket)) {
    throw new Unfit(`an event without object or bucket: ${quoted(fields['detail-type'])}`)
  }
  const { object } = detail
  return {
    created: fields['detail-type'] === 'Object Created',
    name: fields['detail-type'],
    bucket: textField(detail.bucket, 'name') ?? '',
    key: checkedKey(textField(object, 'key')),
    edition:
      textField(object, 'version-id') ?? textField(object, 'sequencer') ?? textField(object, 'etag') ?? '',
  }
}

function checkedKey(key: string | undefined): string {
  const checked = keyField({ key }, 'key')
  if (checked === undefined) throw new Unfit('an event without a key')
  return checked
}

function decoded(key: string): string {
  try {
    return decodeURIComponent(key.replaceAll('+', ' '))
  } catch {
    throw new Unfit(`key is not URL-coded: ${quoted(key)}`)
  }
}
