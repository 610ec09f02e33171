import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Faults } from '../faults.ts'
import { checksumNames, createDigest } from './checksums.ts'
import { codeForStatus, S3Error } from './errors.ts'
import type { ObjectTable, StoredEntry } from './objects.ts'
import { type Reply, xmlReply } from './reply.ts'
import type { S3Request } from './request.ts'
import { encodePath } from './signature.ts'
import { elements, textOf, type XmlTree, xml } from './xml.ts'

const maxBodyBytes = 2 * 1024 ** 2

/** ListObjectsV2 with prefix, delimiter, start-after and continuation. */
export function listObjects(table: ObjectTable, request: S3Request): Reply {
  const { query } = request
  const prefix = query.get('prefix') ?? ''
  const delimiter = query.get('delimiter') ?? ''
  const maxKeys = Number(query.get('max-keys') ?? 1000)
  if (!Number.isInteger(maxKeys) || maxKeys < 0)
    throw new S3Error('InvalidArgument', 'max-keys is not a number')
  const token = query.get('continuation-token')
  const after = token === undefined ? (query.get('start-after') ?? '') : readToken(token)
  const limit = Math.min(maxKeys, 1000)
  const contents: StoredEntry[] = []
  const folders: string[] = []
  let last = after
  let truncated = false
  for (const entry of table.list(prefix, after)) {
    const folder = folderOf(entry.key, prefix, delimiter)
    // A folder is listed once, and not again on the page after the one that ended within it.
    if (
      folder !== undefined &&
      (folders.at(-1) === folder || (token !== undefined && after.startsWith(folder)))
    ) {
      last = entry.key
      continue
    }
    if (contents.length + folders.length === limit) {
      truncated = limit > 0
      break
    }
    if (folder === undefined) contents.push(entry)
    else folders.push(folder)
    last = entry.key
  }
  const show = query.get('encoding-type') === 'url' ? encodePath : (text: string) => text
  return xmlReply(
    xml('ListBucketResult', {
      Name: request.bucket,
      Prefix: show(prefix),
      Delimiter: delimiter === '' ? undefined : show(delimiter),
      StartAfter: query.get('start-after'),
      EncodingType: query.get('encoding-type'),
      KeyCount: contents.length + folders.length,
      MaxKeys: maxKeys,
      IsTruncated: truncated,
      ContinuationToken: token,
      NextContinuationToken: truncated ? writeToken(last) : undefined,
      Contents: contents.map((entry) => ({
        Key: show(entry.key),
        LastModified: entry.modified.toISOString(),
        ETag: `"${entry.etag}"`,
        Size: entry.bytes,
        StorageClass: 'STANDARD',
      })),
      CommonPrefixes: folders.map((folder) => ({ Prefix: show(folder) })),
    }),
  )
}

/** DeleteObjects: at most 1000 keys, each with its own outcome. A fault on `DeleteObjects.Key` fails one key. */
export async function deleteObjects(table: ObjectTable, request: S3Request, faults: Faults): Promise<Reply> {
  const body = await readSmallBody(request.http)
  checkBody(request.http, body)
  const text = body.toString('utf8')
  const objects = elements(text, 'Object')
  if (!text.includes('<Delete') || objects.length === 0 || objects.length > 1000)
    throw new S3Error('MalformedXML', 'The XML you provided was not well-formed (1 to 1000 objects)')
  const quiet = textOf(text, 'Quiet') === 'true'
  const deleted: XmlTree[] = []
  const errors: XmlTree[] = []
  for (const object of objects) {
    const key = textOf(object, 'Key') ?? ''
    const fault = faults.take({ method: 'POST', operation: 'DeleteObjects.Key', key })
    if (fault) {
      const code = fault.code ?? codeForStatus(fault.status ?? 500)
      errors.push({ Key: key, Code: code, Message: 'We encountered an internal error' })
      continue
    }
    table.delete(key)
    deleted.push({ Key: key })
  }
  return xmlReply(xml('DeleteResult', { Deleted: quiet ? undefined : deleted, Error: errors }))
}

/** The whole body of a request that is small by nature. */
export async function readSmallBody(http: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of http as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > maxBodyBytes) throw new S3Error('MalformedXML', 'The request body is too large')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** S3 wants a checksum on a batch of deletions and refuses one without; a wrong one is a bad digest. */
function checkBody({ headers }: IncomingMessage, body: Buffer): void {
  const md5 = headers['content-md5']
  if (md5 !== undefined && createHash('md5').update(body).digest('base64') !== md5)
    throw new S3Error('BadDigest', 'The Content-MD5 you specified did not match what we received')
  const given = checksumNames.filter((name) => headers[`x-amz-checksum-${name}`] !== undefined)
  if (md5 === undefined && given.length === 0)
    throw new S3Error('InvalidRequest', 'Missing required header for this request: Content-MD5')
  for (const name of given) {
    const digest = createDigest(name)
    digest.update(body)
    if (digest.base64() !== headers[`x-amz-checksum-${name}`])
      throw new S3Error('BadDigest', `The ${name} you specified did not match what we received`)
  }
}

function folderOf(key: string, prefix: string, delimiter: string): string | undefined {
  if (delimiter === '') return undefined
  const at = key.indexOf(delimiter, prefix.length)
  return at === -1 ? undefined : key.slice(0, at + delimiter.length)
}

// Tokens are opaque: a client that builds one of its own shall fail.
function writeToken(key: string): string {
  return Buffer.from(`after:${key}`).toString('base64')
}

function readToken(token: string): string {
  const text = Buffer.from(token, 'base64').toString('utf8')
  if (!text.startsWith('after:')) throw new S3Error('InvalidArgument', 'The continuation token is incorrect')
  return text.slice('after:'.length)
}
