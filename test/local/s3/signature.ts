import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { S3Error } from './errors.ts'

/**
 * AWS Signature Version 4 for S3, both ways: checking a request (header or presigned query) and presigning.
 * Page: "Authenticating Requests (AWS Signature Version 4)", Amazon S3 API Reference. S3 differs from the
 * other services in that the path is encoded once and never normalised.
 */

export interface Credentials {
  readonly accessKey: string
  readonly secretKey: string
}

export interface SignedRequest {
  readonly method: string
  /** As it stands in the request line, still encoded. */
  readonly rawPath: string
  readonly rawQuery: string
  readonly headers: IncomingHttpHeaders
}

const maxSkewMs = 15 * 60_000
const maxExpirySeconds = 7 * 86_400

/** Throws the S3Error that S3 would answer; resolves `anonymous` if the request is not signed at all. */
export function checkSignature(request: SignedRequest, credentials: Credentials): 'signed' | 'anonymous' {
  const query = parseQuery(request.rawQuery)
  if (query.has('X-Amz-Signature')) {
    checkPresigned(request, query, credentials)
    return 'signed'
  }
  const authorization = request.headers.authorization
  if (authorization === undefined) return 'anonymous'
  const match =
    /^AWS4-HMAC-SHA256 Credential=([^,\s]+),\s*SignedHeaders=([^,\s]+),\s*Signature=([0-9a-f]{64})$/.exec(
      authorization,
    )
  if (!match) throw new S3Error('InvalidArgument', 'Unsupported Authorization header')
  const date = String(request.headers['x-amz-date'] ?? '')
  if (Math.abs(Date.now() - parseDate(date)) > maxSkewMs)
    throw new S3Error('RequestTimeTooSkewed', 'The difference between the request time and now is too large')
  const payload = String(request.headers['x-amz-content-sha256'] ?? 'UNSIGNED-PAYLOAD')
  verify(request, { scope: match[1]!, signedHeaders: match[2]!, date, payload }, match[3]!, credentials)
  return 'signed'
}

function checkPresigned(request: SignedRequest, query: Map<string, string>, credentials: Credentials): void {
  const date = query.get('X-Amz-Date') ?? ''
  const expires = Number(query.get('X-Amz-Expires'))
  if (query.get('X-Amz-Algorithm') !== 'AWS4-HMAC-SHA256')
    throw new S3Error('InvalidArgument', 'X-Amz-Algorithm only supports AWS4-HMAC-SHA256')
  if (!(expires >= 1 && expires <= maxExpirySeconds))
    throw new S3Error('InvalidArgument', `X-Amz-Expires must be between 1 and ${maxExpirySeconds} seconds`)
  const from = parseDate(date)
  if (Date.now() > from + expires * 1000) throw new S3Error('AccessDenied', 'Request has expired')
  if (Date.now() < from - maxSkewMs) throw new S3Error('AccessDenied', 'Request is not valid yet')
  const signed = {
    scope: query.get('X-Amz-Credential') ?? '',
    signedHeaders: query.get('X-Amz-SignedHeaders') ?? '',
    date,
    payload: query.get('X-Amz-Content-Sha256') ?? 'UNSIGNED-PAYLOAD',
  }
  const rawQuery = request.rawQuery
    .split('&')
    .filter((pair) => !pair.startsWith('X-Amz-Signature='))
    .join('&')
  verify({ ...request, rawQuery }, signed, query.get('X-Amz-Signature') ?? '', credentials)
}

interface Signing {
  /** `{access key}/{yyyymmdd}/{region}/s3/aws4_request` */
  readonly scope: string
  readonly signedHeaders: string
  readonly date: string
  readonly payload: string
}

function verify(request: SignedRequest, signing: Signing, given: string, credentials: Credentials): void {
  const [accessKey] = signing.scope.split('/')
  if (accessKey !== credentials.accessKey)
    throw new S3Error('InvalidAccessKeyId', 'The access key id does not exist in our records')
  // A request without a signed host could be replayed against another server: S3 refuses it too.
  if (!signing.signedHeaders.split(';').includes('host'))
    throw new S3Error('AccessDenied', 'The host header must be signed')
  const expected = Buffer.from(signatureOf(request, signing, credentials.secretKey))
  const actual = Buffer.from(given)
  if (expected.length !== actual.length || !timingSafeEqual(expected, actual))
    throw new S3Error(
      'SignatureDoesNotMatch',
      'The request signature we calculated does not match the one you gave',
    )
}

function signatureOf(request: SignedRequest, signing: Signing, secretKey: string): string {
  const [, day = '', region = '', service = '', terminator = ''] = signing.scope.split('/')
  const headerLines = signing.signedHeaders.split(';').map((name) => {
    const value = request.headers[name]
    return `${name}:${String(value ?? '')
      .trim()
      .replace(/\s+/g, ' ')}\n`
  })
  const canonical = [
    request.method,
    encodePath(decode(request.rawPath)),
    canonicalQuery(request.rawQuery),
    headerLines.join(''),
    signing.signedHeaders,
    signing.payload,
  ].join('\n')
  const hashed = createHash('sha256').update(canonical).digest('hex')
  const text = ['AWS4-HMAC-SHA256', signing.date, [day, region, service, terminator].join('/'), hashed]
  const key = [day, region, service, terminator].reduce<Buffer | string>(hmac, `AWS4${secretKey}`)
  return hmac(key, text.join('\n')).toString('hex')
}

export interface PresignOptions extends Credentials {
  readonly method?: 'GET' | 'PUT' | 'HEAD'
  readonly expiresSeconds: number
  readonly at?: Date
}

/** A presigned URL for one object, as the product's API gives them to browsers for uploads and playback. */
export function presign(endpoint: string, bucket: string, key: string, options: PresignOptions): string {
  const { host } = new URL(endpoint)
  const date = (options.at ?? new Date()).toISOString().replace(/[-:]|\.\d{3}/g, '')
  const scope = [options.accessKey, date.slice(0, 8), 'auto', 's3', 'aws4_request'].join('/')
  const query = [
    'X-Amz-Algorithm=AWS4-HMAC-SHA256',
    `X-Amz-Credential=${encode(scope)}`,
    `X-Amz-Date=${date}`,
    `X-Amz-Expires=${options.expiresSeconds}`,
    'X-Amz-SignedHeaders=host',
  ].join('&')
  const rawPath = encodePath(`/${bucket}/${key}`)
  const request = { method: options.method ?? 'GET', rawPath, rawQuery: query, headers: { host } }
  const signing = { scope, signedHeaders: 'host', date, payload: 'UNSIGNED-PAYLOAD' }
  return `${endpoint}${rawPath}?${query}&X-Amz-Signature=${signatureOf(request, signing, options.secretKey)}`
}

export function parseQuery(rawQuery: string): Map<string, string> {
  const pairs = rawQuery === '' ? [] : rawQuery.split('&')
  return new Map(
    pairs.map((pair) => {
      const [name = '', ...value] = pair.split('=')
      return [decode(name), decode(value.join('=').replaceAll('+', ' '))]
    }),
  )
}

function canonicalQuery(rawQuery: string): string {
  const pairs = [...parseQuery(rawQuery)].map(([name, value]) => [encode(name), encode(value)] as const)
  pairs.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
  return pairs.map(([name, value]) => `${name}=${value}`).join('&')
}

function parseDate(text: string): number {
  const iso = text.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z')
  const time = Date.parse(iso)
  if (Number.isNaN(time)) throw new S3Error('AccessDenied', 'A valid date (X-Amz-Date) is needed')
  return time
}

export function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new S3Error('InvalidURI', 'Could not decode the URI')
  }
}

/** RFC 3986: everything but letters, digits, `-._~` is encoded. */
export function encode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)
}

export function encodePath(path: string): string {
  return path.split('/').map(encode).join('/')
}

function hmac(key: Buffer | string, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}
