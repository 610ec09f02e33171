import { invalidValue, missing, SqsError } from './errors.ts'
import type { MessageAttribute } from './message.ts'

/** A message to be sent. */
export interface SendInput {
  readonly body: string
  readonly delaySeconds?: number | undefined
  readonly groupId?: string | undefined
  readonly attributes?: Readonly<Record<string, MessageAttribute>> | undefined
}

/** What is not in XML 1.0, which SQS takes no character of: SendMessage in the API reference. */
const forbidden = /[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/u

/** Throws as SendMessage does. `maxBytes` counts the body and the attributes' names, types and values. */
export function checkMessage(input: SendInput, maxBytes: number): void {
  const { body, delaySeconds = 0, groupId, attributes = {} } = input
  if (body === '') throw missing('MessageBody')
  if (!Number.isInteger(delaySeconds) || delaySeconds < 0 || delaySeconds > 900)
    throw invalidValue(delaySeconds, 'DelaySeconds', 'DelaySeconds must be >= 0 and <= 900.')
  if (groupId !== undefined && !/^[\x21-\x7e]{1,128}$/.test(groupId))
    throw invalidValue(
      groupId,
      'MessageGroupId',
      'MessageGroupId can only include alphanumeric and punctuation characters. 1 to 128 in length.',
    )
  if (Object.keys(attributes).length > 10)
    throw new SqsError(
      'InvalidParameterValue',
      'Number of message attributes [more than 10] exceeds the allowed maximum [10].',
    )
  let bytes = Buffer.byteLength(body)
  for (const [name, { DataType, StringValue, BinaryValue }] of Object.entries(attributes)) {
    const value = StringValue ?? BinaryValue ?? ''
    if (value === '')
      throw new SqsError(
        'InvalidParameterValue',
        `Message attribute '${name}' with type '${DataType}' must use field '${DataType.startsWith('Binary') ? 'Binary' : 'String'}'.`,
      )
    if (forbidden.test(StringValue ?? ''))
      throw new SqsError('InvalidMessageContents', 'Invalid characters in a message attribute.')
    bytes += Buffer.byteLength(name) + Buffer.byteLength(DataType) + Buffer.byteLength(value)
  }
  if (forbidden.test(body))
    throw new SqsError('InvalidMessageContents', 'Invalid characters found. Valid are those of XML 1.0.')
  if (bytes > maxBytes)
    throw new SqsError(
      'InvalidParameterValue',
      `One or more parameters are invalid. Reason: Message must be shorter than ${maxBytes} bytes.`,
    )
}

/** Throws as ReceiveMessage and ChangeMessageVisibility do. */
export function checkVisibility(seconds: number): void {
  if (!Number.isInteger(seconds) || seconds < 0 || seconds > 43_200)
    throw invalidValue(seconds, 'VisibilityTimeout', 'Must be between 0 and 43200, if provided.')
}
