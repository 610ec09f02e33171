import type { IncomingMessage } from 'node:http'
import { S3Error } from './errors.ts'
import { decode, parseQuery } from './signature.ts'

/** A request taken apart (path style): `/{bucket}/{key}?{query}`. */
export interface S3Request {
  readonly http: IncomingMessage
  readonly method: string
  readonly rawPath: string
  readonly rawQuery: string
  readonly bucket: string
  readonly key: string
  readonly query: ReadonlyMap<string, string>
  /** The S3 name of what is asked, `Unknown` for what this server does not do. */
  readonly operation: string
}

export function parseRequest(http: IncomingMessage): S3Request {
  const method = http.method ?? 'GET'
  // Not through `new URL`: it would fold `.` and `..`, which are ordinary parts of keys.
  const [rawPath = '/', ...rest] = (http.url ?? '/').split('?')
  const rawQuery = rest.join('?')
  const slash = rawPath.indexOf('/', 1)
  const bucket = decode(slash === -1 ? rawPath.slice(1) : rawPath.slice(1, slash))
  const key = slash === -1 ? '' : decode(rawPath.slice(slash + 1))
  if (Buffer.byteLength(key) > 1024) throw new S3Error('KeyTooLongError', 'Your key is too long')
  const query = parseQuery(rawQuery)
  const operation = nameOperation(method, bucket, key, query, http.headers['x-amz-copy-source'] !== undefined)
  return { http, method, rawPath, rawQuery, bucket, key, query, operation }
}

/** Query parameters that ask for another operation on the same path (ACLs, tagging, policies and so on). */
const subresources =
  /^(accelerate|acl|analytics|attributes|cors|encryption|intelligent-tiering|inventory|legal-hold|lifecycle|logging|metrics|notification|object-lock|ownershipControls|policy|policyStatus|publicAccessBlock|replication|requestPayment|restore|retention|select|tagging|torrent|versionId|versioning|versions|website)$/

function nameOperation(
  method: string,
  bucket: string,
  key: string,
  query: Map<string, string>,
  isCopy: boolean,
): string {
  if (method === 'OPTIONS') return 'Preflight'
  if ([...query.keys()].some((name) => subresources.test(name)) || isCopy) return 'Unknown'
  const has = (name: string) => query.has(name)
  if (bucket === '') return method === 'GET' ? 'ListBuckets' : 'Unknown'
  if (key === '') {
    if (method === 'HEAD') return 'HeadBucket'
    if (method === 'PUT') return 'CreateBucket'
    if (method === 'POST') return has('delete') ? 'DeleteObjects' : 'Unknown'
    if (method !== 'GET') return 'Unknown'
    if (has('uploads')) return 'ListMultipartUploads'
    if (has('location')) return 'GetBucketLocation'
    return query.get('list-type') === '2' ? 'ListObjectsV2' : 'Unknown'
  }
  const upload = has('uploadId')
  if (method === 'HEAD') return 'HeadObject'
  if (method === 'GET') return upload ? 'ListParts' : has('partNumber') ? 'Unknown' : 'GetObject'
  if (method === 'PUT') return upload ? 'UploadPart' : 'PutObject'
  if (method === 'DELETE') return upload ? 'AbortMultipartUpload' : 'DeleteObject'
  if (method === 'POST') {
    return has('uploads') ? 'CreateMultipartUpload' : upload ? 'CompleteMultipartUpload' : 'Unknown'
  }
  return 'Unknown'
}
