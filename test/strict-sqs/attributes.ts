/** A queue's attributes, from the strings that SQS takes: SetQueueAttributes in the API reference, with its limits. */
import { invalidValue, SqsError } from './errors.ts'

export interface QueueSettings {
  readonly visibilitySeconds: number
  readonly retentionSeconds: number
  readonly delaySeconds: number
  /** Of a receive that does not say. */
  readonly waitSeconds: number
  readonly maxBytes: number
  readonly redrive?: { readonly target: string; readonly maxReceiveCount: number }
}

/** Attribute, lowest and highest value, default: seconds, or bytes. */
const ranges = {
  VisibilityTimeout: [0, 43_200, 30],
  MessageRetentionPeriod: [60, 1_209_600, 345_600],
  DelaySeconds: [0, 900, 0],
  ReceiveMessageWaitTimeSeconds: [0, 20, 0],
  MaximumMessageSize: [1_024, 1_048_576, 1_048_576],
} as const

const others = ['RedrivePolicy', 'RedriveAllowPolicy', 'Policy', 'SqsManagedSseEnabled']

/** Throws InvalidAttributeName, InvalidAttributeValue; InvalidParameterValue for a redrive policy. */
export function readSettings(attributes: Readonly<Record<string, string>>): QueueSettings {
  for (const name of Object.keys(attributes))
    if (!(name in ranges) && !others.includes(name))
      throw new SqsError('InvalidAttributeName', `Unknown Attribute ${name}.`)
  const read = (name: keyof typeof ranges): number => {
    const [least, most, usual] = ranges[name]
    const text = attributes[name]
    if (text === undefined) return usual
    const value = Number(text)
    if (!/^\d+$/.test(text) || value < least || value > most)
      throw new SqsError('InvalidAttributeValue', `Invalid value for the parameter ${name}.`)
    return value
  }
  const redrive = readRedrive(attributes.RedrivePolicy ?? '')
  return {
    visibilitySeconds: read('VisibilityTimeout'),
    retentionSeconds: read('MessageRetentionPeriod'),
    delaySeconds: read('DelaySeconds'),
    waitSeconds: read('ReceiveMessageWaitTimeSeconds'),
    maxBytes: read('MaximumMessageSize'),
    ...(redrive === undefined ? {} : { redrive }),
  }
}

/** The defaults are attributes too: what GetQueueAttributes shows beside those that were set. */
export function defaultAttributes(): Record<string, string> {
  return Object.fromEntries(Object.entries(ranges).map(([name, [, , usual]]) => [name, String(usual)]))
}

function readRedrive(text: string): QueueSettings['redrive'] {
  if (text === '') return undefined
  const wrong = (reason: string) => invalidValue(text, 'RedrivePolicy', reason)
  let policy: { deadLetterTargetArn?: unknown; maxReceiveCount?: unknown }
  try {
    policy = JSON.parse(text)
  } catch {
    throw wrong('Redrive policy is not a valid JSON map.')
  }
  const target = String(policy.deadLetterTargetArn ?? '').split(':')[5]
  if (!target) throw wrong('Redrive policy does not contain mandatory attribute: deadLetterTargetArn.')
  const maxReceiveCount = Number(policy.maxReceiveCount)
  if (!Number.isInteger(maxReceiveCount) || maxReceiveCount < 1 || maxReceiveCount > 1000)
    throw wrong('Invalid value for maxReceiveCount, valid values are from 1 to 1000 both inclusive.')
  return { target, maxReceiveCount }
}
