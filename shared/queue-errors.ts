import { WorkerError } from './errors.ts'
import { failureName } from './sdk-errors.ts'

/** What SQS answered, or the name of a network error with status 0. */
interface QueueFailure {
  readonly status: number
  readonly name: string
  readonly message: string
  /** The SDK saw by the answer that our clock is off by minutes, and signs by the server's from now on. */
  readonly clockCorrected: boolean
}

function readFailure(error: unknown): QueueFailure {
  const known = (error ?? {}) as {
    name?: string
    code?: string
    message?: string
    $metadata?: { httpStatusCode?: number; clockSkewCorrected?: boolean }
  }
  // Older services prefix their codes: AWS.SimpleQueueService.NonExistentQueue.
  const short = failureName(known).split('.').at(-1) ?? 'unknown'
  const { message, $metadata } = known
  const { httpStatusCode: status = 0, clockSkewCorrected: clockCorrected = false } = $metadata ?? {}
  return { status, name: short, message: message ?? '', clockCorrected }
}

const throttles = new Set([
  'RequestThrottled',
  'ThrottlingException',
  'Throttling',
  'OverLimit',
  'KmsThrottled',
])
const refusals =
  /AccessDenied|NotAuthorized|InvalidClientTokenId|UnrecognizedClient|SignatureDoesNotMatch|InvalidAddress|ExpiredToken/

/** Worth another try: no answer, 5xx, throttling, a signature by a clock that was set wrong. */
export function isTransient(error: unknown): boolean {
  const { status, name, clockCorrected } = readFailure(error)
  return clockCorrected || status === 0 || status >= 500 || status === 429 || throttles.has(name)
}

/** We may not do this, or are not who we say. */
export function isRefusal(error: unknown): boolean {
  const { status, name } = readFailure(error)
  return refusals.test(name) || status === 401 || status === 403
}

/** Any failure of a call but of a visibility change, as the error that the rest of the worker knows. */
export function queueError(action: string, queue: string, error: unknown): WorkerError {
  const { status, name, message } = readFailure(error)
  const options = { cause: error, details: { action, queue, status, error: name } }
  if (name === 'QueueDoesNotExist' || name === 'NonExistentQueue')
    return new WorkerError('config_invalid', `There is no queue ${queue} in this region and account`, options)
  if (refusals.test(name))
    return new WorkerError(
      'config_invalid',
      `SQS refuses to ${action} ${queue}: ${name}: ${message}`,
      options,
    )
  const answer = status === 0 ? `no answer (${name})` : `${status} ${name}`
  return new WorkerError('queue_unavailable', `Could not ${action} ${queue}: ${answer}`, options)
}

const lostNames = new Set(['ReceiptHandleIsInvalid', 'MessageNotInflight'])

/**
 * A failed visibility change. Three answers say that the message is not ours any more (facts.md, SQS), one that
 * the 12 hours since its receive are over; any other failure says nothing about the lease.
 */
export function leaseError(queue: string, error: unknown): WorkerError {
  const { name, message } = readFailure(error)
  if (name === 'InvalidParameterValue' && /total visibilitytimeout|beyond the limit/i.test(message))
    return new WorkerError('lease_cap', `SQS extends no lease past 12 h: ${message}`, { cause: error })
  const expired = name === 'InvalidParameterValue' && /expired|receipt ?handle/i.test(message)
  if (lostNames.has(name) || expired)
    return new WorkerError('lease_lost', `The message is not ours any more: ${name}`, { cause: error })
  return queueError('extend the lease in', queue, error)
}
