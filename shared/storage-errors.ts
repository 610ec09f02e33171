import { WorkerError } from './errors.ts'
import { failureName } from './sdk-errors.ts'

/** What the bucket answered: status 0 when there was no answer at all. */
export interface StorageFailure {
  readonly status: number
  /** The S3 error code, or the name of a network error. */
  readonly code: string
  /** The SDK saw by the answer that our clock is off by minutes; a HEAD's has no code that would say so. */
  readonly clockCorrected: boolean
}

export function readFailure(error: unknown): StorageFailure {
  const known = (error ?? {}) as {
    name?: string
    code?: string
    $metadata?: { httpStatusCode?: number; clockSkewCorrected?: boolean }
    $response?: { statusCode?: number }
  }
  // An answer that could not be parsed (a proxy's HTML page) has its status in $response only.
  const status = known.$metadata?.httpStatusCode ?? known.$response?.statusCode ?? 0
  const clockCorrected = known.$metadata?.clockSkewCorrected ?? false
  return { status, code: failureName(known), clockCorrected }
}

/** Client errors that a second try can cure: the bytes were damaged or delayed on their way. */
const transientCodes = new Set([
  'BadDigest',
  'IncompleteBody',
  'OperationAborted',
  'RequestTimeout',
  'RequestTimeTooSkewed',
  'XAmzContentSHA256Mismatch',
])

/**
 * Network faults, stalls, throttling and server errors are worth another try; a WorkerError has been judged
 * already, and any other client error will be the same next time.
 */
export function isTransient(error: unknown): boolean {
  if (error instanceof WorkerError) return error.code === 'storage_unavailable'
  const { status, code, clockCorrected } = readFailure(error)
  if (clockCorrected) return true
  // A bucket that is full is so in half a minute, too: polling stops instead (worker/gate.ts).
  if (status === 501 || status === 507) return false
  // 200: the head of the answer came and its body broke.
  if (status === 0 || status < 400 || status >= 500) return true
  return status === 408 || status === 429 || transientCodes.has(code)
}

/** Words of a bucket that is not ours to use, or full: every job would hear them, whatever it is. */
function isDenied({ status, code }: StorageFailure): boolean {
  return status === 401 || status === 403 || status === 507 || code === 'NoSuchBucket'
}

/** The last failure of a request as the error that the rest of the worker knows. Keys are no secrets, URLs are. */
export function storageError(action: string, key: string, error: unknown): WorkerError {
  if (error instanceof WorkerError) return error
  const failure = readFailure(error)
  const { status, code } = failure
  const details = { action, key, status, error: code }
  const answer = status === 0 ? `no answer (${code})` : `${status} ${code}`
  if (isTransient(error))
    return new WorkerError('storage_unavailable', `The bucket could not ${action} ${key}: ${answer}`, {
      cause: error,
      details,
    })
  if (isDenied(failure))
    return new WorkerError(
      'storage_denied',
      code === 'NoSuchBucket'
        ? `There is no such bucket (asked to ${action} ${key})`
        : `The bucket does not let us ${action} ${key}: ${answer}`,
      { cause: error, details },
    )
  if (status === 404)
    return new WorkerError('input_missing', `There is no object ${key} in the bucket`, {
      cause: error,
      details,
    })
  if (status === 412)
    return new WorkerError('input_changed', `The object ${key} has been replaced`, {
      cause: error,
      details,
    })
  return new WorkerError('storage_refused', `The bucket refused to ${action} ${key}: ${answer}`, {
    cause: error,
    details,
  })
}
