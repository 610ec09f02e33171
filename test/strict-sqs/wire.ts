/** SQS' JSON protocol as @aws-sdk/client-sqs speaks it: names of errors, numbers and strings of a request. */
import { missing, SqsError } from './errors.ts'

export const jsonType = 'application/x-amz-json-1.0'

/** The action and its input, before anything of it is believed. */
export interface Call {
  readonly action: string
  readonly input: Readonly<Record<string, unknown>>
}

export interface Refusal {
  readonly status: number
  /** For the header x-amzn-query-error, from which the SDK takes the name. */
  readonly queryError: string
  readonly body: { readonly __type: string; readonly message: string }
}

/** Those that the JSON protocol has no shape for come under another name in `__type`. */
const unmodelled: Readonly<Record<string, string>> = {
  InvalidParameterValue: 'InvalidParameterValueException',
  MissingParameter: 'MissingRequiredParameterException',
  InvalidAction: 'UnknownOperationException',
  MalformedInput: 'SerializationException',
}
/** The names of the older protocol, where they differ. */
const older: Readonly<Record<string, string>> = {
  QueueDoesNotExist: 'AWS.SimpleQueueService.NonExistentQueue',
  QueueNameExists: 'QueueAlreadyExists',
  MessageNotInflight: 'AWS.SimpleQueueService.MessageNotInflight',
  PurgeQueueInProgress: 'AWS.SimpleQueueService.PurgeQueueInProgress',
  UnsupportedOperation: 'AWS.SimpleQueueService.UnsupportedOperation',
}
const batchRules = /Batch/

/** "Interpreting Amazon SQS JSON API responses", developer guide. `status` when the code alone does not tell. */
export function refusal(code: string, message: string, status?: number): Refusal {
  const usual = code === 'ReceiptHandleIsInvalid' ? 404 : code === 'OverLimit' ? 403 : 400
  const shape = unmodelled[code]
  const name = older[code] ?? (batchRules.test(code) ? `AWS.SimpleQueueService.${code}` : code)
  const by = (status ?? usual) < 500 ? 'Sender' : 'Receiver'
  const __type = shape === undefined ? `com.amazonaws.sqs#${code}` : `com.amazon.coral.service#${shape}`
  return { status: status ?? usual, queryError: `${name};${by}`, body: { __type, message } }
}

export function readCall(target: string | undefined, text: string): Call {
  const action = /^AmazonSQS\.(\w+)$/.exec(target ?? '')?.[1]
  if (action === undefined) throw new SqsError('InvalidAction', 'The action is not valid for this endpoint.')
  try {
    const input: unknown = JSON.parse(text === '' ? '{}' : text)
    if (typeof input === 'object' && input !== null && !Array.isArray(input))
      return { action, input: { ...input } }
  } catch {
    // Said below.
  }
  throw new SqsError('MalformedInput', 'The request body is not a JSON object.')
}

export function textOf(input: Call['input'], name: string): string | undefined {
  const value = input[name]
  if (value === undefined || typeof value === 'string') return value
  throw new SqsError('MalformedInput', `${name} is not a string.`)
}

export function needText(input: Call['input'], name: string): string {
  const value = textOf(input, name)
  if (value === undefined || value === '') throw missing(name)
  return value
}

export function numberOf(input: Call['input'], name: string): number | undefined {
  const value = input[name]
  if (value === undefined || typeof value === 'number') return value
  throw new SqsError('MalformedInput', `${name} is not a number.`)
}

export function namesOf(input: Call['input'], name: string): string[] {
  const value = input[name] ?? []
  if (Array.isArray(value) && value.every((each) => typeof each === 'string')) return value
  throw new SqsError('MalformedInput', `${name} is not a list of strings.`)
}

/** Of a URL of any host: a worker may come by another name. */
export function queueNameOf(input: Call['input']): string {
  return textOf(input, 'QueueName') ?? textOf(input, 'QueueUrl')?.split('/').at(-1) ?? ''
}
