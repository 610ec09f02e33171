import { xml } from './xml.ts'

/** The error codes that the server uses, with the status that S3 gives them. */
const statusOf = {
  AccessDenied: 403,
  BadDigest: 400,
  BucketAlreadyOwnedByYou: 409,
  EntityTooLarge: 400,
  EntityTooSmall: 400,
  IncompleteBody: 400,
  InternalError: 500,
  InvalidAccessKeyId: 403,
  InvalidArgument: 400,
  InvalidDigest: 400,
  InvalidPart: 400,
  InvalidPartOrder: 400,
  InvalidRange: 416,
  InvalidRequest: 400,
  InvalidURI: 400,
  KeyTooLongError: 400,
  MalformedXML: 400,
  MethodNotAllowed: 405,
  MissingContentLength: 411,
  NoSuchBucket: 404,
  NoSuchKey: 404,
  NoSuchUpload: 404,
  NotImplemented: 501,
  PreconditionFailed: 412,
  RequestTimeTooSkewed: 403,
  SignatureDoesNotMatch: 403,
  SlowDown: 503,
  TooManyRequests: 429,
  XAmzContentSHA256Mismatch: 400,
} as const

export type S3ErrorCode = keyof typeof statusOf

/** A refusal that the client shall read; `headers` go with the answer (Content-Range of a 416). */
export class S3Error extends Error {
  readonly code: string
  readonly status: number
  readonly headers: Readonly<Record<string, string>>

  constructor(code: S3ErrorCode, message: string, headers: Record<string, string> = {}) {
    super(message)
    this.code = code
    this.status = statusOf[code]
    this.headers = headers
  }
}

/** The error code that S3 itself sends with a status, for injected faults. */
export function codeForStatus(status: number): string {
  const known: Record<number, S3ErrorCode> = {
    403: 'AccessDenied',
    404: 'NoSuchKey',
    412: 'PreconditionFailed',
    429: 'TooManyRequests',
    500: 'InternalError',
    501: 'NotImplemented',
    503: 'SlowDown',
  }
  return known[status] ?? (status < 500 ? 'InvalidRequest' : 'InternalError')
}

export function errorBody(code: string, message: string, resource: string, requestId: string): string {
  return xml('Error', { Code: code, Message: message, Resource: resource, RequestId: requestId })
}
