import { closeSync } from 'node:fs'
import { receiveBody } from './body.ts'
import { checksumNames } from './checksums.ts'
import { S3Error } from './errors.ts'
import type { ObjectMeta, ObjectTable, StoredEntry } from './objects.ts'
import type { Reply } from './reply.ts'
import type { S3Request } from './request.ts'

const keptHeaders = [
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-language',
  'expires',
] as const

/** What a PUT or a CreateMultipartUpload says about the object besides its bytes. */
export function readMeta(request: S3Request, checksums: Record<string, string> = {}): ObjectMeta {
  const { headers } = request.http
  const kept: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers)) {
    const keep = name.startsWith('x-amz-meta-') || keptHeaders.some((known) => known === name)
    if (keep && value !== undefined) kept[name] = String(value)
  }
  // The transport's own framing is not part of the object.
  const encoding = kept['content-encoding']?.replace(/,?\s*aws-chunked\s*,?/, '')
  delete kept['content-encoding']
  if (encoding) kept['content-encoding'] = encoding
  return { contentType: headers['content-type'] ?? 'binary/octet-stream', headers: kept, checksums }
}

/** The check that a conditional write makes at the moment of its commit. */
export function writeCondition(request: S3Request): (existing: StoredEntry | undefined) => void {
  const ifNoneMatch = request.http.headers['if-none-match']
  const ifMatch = request.http.headers['if-match']
  if (ifNoneMatch !== undefined && ifNoneMatch !== '*')
    throw new S3Error('NotImplemented', 'If-None-Match on a write knows * only')
  return (existing) => {
    if (ifNoneMatch === '*' && existing)
      throw new S3Error('PreconditionFailed', 'At least one of the preconditions did not hold')
    if (ifMatch === undefined) return
    if (!existing) throw new S3Error('NoSuchKey', 'The specified key does not exist.')
    if (!matchesTag(ifMatch, existing.etag))
      throw new S3Error('PreconditionFailed', 'At least one of the preconditions did not hold')
  }
}

export async function putObject(
  table: ObjectTable,
  request: S3Request,
): Promise<{ reply: Reply; entry: StoredEntry }> {
  const condition = writeCondition(request)
  condition(table.get(request.key))
  const received = await receiveBody(request.http, table.newFile())
  const file = { path: received.path, bytes: received.bytes, etag: received.md5 }
  const entry = table.commit(request.key, file, readMeta(request, received.checksums), condition)
  return { reply: { status: 200, headers: { ETag: `"${entry.etag}"`, ...checksumHeaders(entry) } }, entry }
}

/** GET and HEAD: conditions, one byte range, and the response-* overrides of a presigned URL. */
export function getObject(table: ObjectTable, request: S3Request): Reply {
  const { headers } = request.http
  const { entry, fd } = table.open(request.key)
  try {
    if (headers['if-match'] !== undefined && !matchesTag(headers['if-match'], entry.etag))
      throw new S3Error('PreconditionFailed', 'At least one of the preconditions did not hold')
    const shown = responseHeaders(entry, request)
    if (headers['if-none-match'] !== undefined && matchesTag(headers['if-none-match'], entry.etag)) {
      closeSync(fd)
      return { status: 304, headers: { ETag: shown.ETag! } }
    }
    const range = parseRange(headers.range, entry.bytes)
    if (!range) {
      const asked = headers['x-amz-checksum-mode'] === 'ENABLED' ? checksumHeaders(entry) : {}
      const slice = { fd, start: 0, end: entry.bytes - 1 }
      return { status: 200, headers: { ...shown, ...asked }, body: slice }
    }
    const contentRange = `bytes ${range.start}-${range.end}/${entry.bytes}`
    return { status: 206, headers: { ...shown, 'Content-Range': contentRange }, body: { fd, ...range } }
  } catch (error) {
    closeSync(fd)
    throw error
  }
}

/** `undefined` for no range, or one that S3 ignores (several ranges, another unit, garbage). */
export function parseRange(
  header: string | undefined,
  size: number,
): { start: number; end: number } | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header?.trim() ?? '')
  if (!match || (match[1] === '' && match[2] === '')) return undefined
  const [, first, last] = match
  const start = first === '' ? Math.max(0, size - Number(last)) : Number(first)
  const end = first === '' || last === '' ? size - 1 : Math.min(Number(last), size - 1)
  if (first !== '' && last !== '' && Number(first) > Number(last)) return undefined
  if (start >= size || (first === '' && Number(last) === 0))
    throw new S3Error('InvalidRange', 'The requested range is not satisfiable', {
      'Content-Range': `bytes */${size}`,
    })
  return { start, end }
}

function responseHeaders(entry: StoredEntry, request: S3Request): Record<string, string> {
  const overridden: Record<string, string> = {}
  for (const name of ['content-type', 'cache-control', 'content-disposition'] as const) {
    const value = request.query.get(`response-${name}`)
    if (value !== undefined) overridden[name] = value
  }
  return {
    'content-type': entry.contentType,
    ...entry.headers,
    ...overridden,
    ETag: `"${entry.etag}"`,
    'Last-Modified': entry.modified.toUTCString(),
    'Accept-Ranges': 'bytes',
  }
}

function checksumHeaders(entry: StoredEntry): Record<string, string> {
  const known = checksumNames.filter((name) => entry.checksums[name] !== undefined)
  return Object.fromEntries(known.map((name) => [`x-amz-checksum-${name}`, entry.checksums[name]!]))
}

function matchesTag(header: string, etag: string): boolean {
  return header
    .split(',')
    .map((tag) => tag.trim().replace(/^"|"$/g, ''))
    .some((tag) => tag === '*' || tag === etag)
}
