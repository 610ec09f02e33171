import { createHash } from 'node:crypto'

/** Checks of single fields of a message. Each either returns the value or throws Unfit with a short reason. Pure. */

/** Why a message is poison. Never leaves shared/messages.ts. */
export class Unfit extends Error {}

export type Fields = Readonly<Record<string, unknown>>

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A positive whole number, also written in digits ("42"): what Python and JavaScript senders produce. */
export function idField(fields: Fields, name: string): number {
  const value = fields[name]
  if (value === undefined || value === null) throw new Unfit(`${name} is missing`)
  const number = typeof value === 'string' && /^\d{1,16}$/.test(value) ? Number(value) : value
  if (!Number.isSafeInteger(number) || (number as number) < 1) {
    throw new Unfit(`${name} is not a positive whole number: ${quoted(value)}`)
  }
  return number as number
}

/** A text without control characters; absent, null and '' are undefined. */
export function textField(fields: Fields, name: string): string | undefined {
  const value = fields[name]
  if (value === undefined || value === null || value === '') return undefined
  if (typeof value !== 'string') throw new Unfit(`${name} is not a text: ${quoted(value)}`)
  if (/\p{Cc}/u.test(value) || !value.isWellFormed()) {
    throw new Unfit(`${name} has control characters or broken Unicode: ${quoted(value)}`)
  }
  return value
}

/** An object key that stays where it says: relative, no empty, '.' or '..' parts, at most the 1024 bytes of S3. */
export function keyField(fields: Fields, name: string): string | undefined {
  const key = textField(fields, name)
  if (key === undefined) return undefined
  if (Buffer.byteLength(key) > 1024) throw new Unfit(`${name} is longer than 1024 bytes`)
  const parts = key.replace(/\/$/, '').split('/')
  if (parts.some((part) => part === '' || part === '.' || part === '..')) {
    throw new Unfit(`${name} has empty, "." or ".." parts: ${quoted(key)}`)
  }
  return key
}

/**
 * Anything as a short, printable, quoted ASCII text: reasons become SQS attributes, which refuse many characters,
 * and log lines.
 */
export function quoted(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value)
  const short = text.length > 60 ? `${text.slice(0, 60)}...` : text
  return short.replace(/[^\x20-\x7e]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
}

/** Whether a text is a UUID in lower case, as every job's id is: given, or derived as below. */
export function isJobId(text: string): boolean {
  return /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/.test(text)
}

/** Our own name space for derived job ids, a random UUID chosen once. Changing it breaks deduplication. */
const nameSpace = Buffer.from('9d1c4a52f3a84c0b8f27d1b6e0a95c31', 'hex')

/** A UUID of version 5 (RFC 9562): the same parts always give the same id, so a redelivery is the same job. */
export function derivedId(...parts: (string | number)[]): string {
  const name = JSON.stringify(parts)
  const bytes = createHash('sha1').update(nameSpace).update(name).digest().subarray(0, 16)
  bytes[6] = (bytes[6]! & 0x0f) | 0x50
  bytes[8] = (bytes[8]! & 0x3f) | 0x80
  const hex = bytes.toString('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}

/**
 * A time as ISO 8601, from ISO 8601 or an epoch in seconds or milliseconds. Only for telemetry: what cannot be
 * read is undefined, and never a reason to refuse a message (lesson 11).
 */
export function timeField(fields: Fields, name: string): string | undefined {
  const value = fields[name]
  const number = typeof value === 'string' && /^\d+(\.\d+)?$/.test(value) ? Number(value) : value
  if (typeof number !== 'number' && typeof number !== 'string') return undefined
  // 1e11 s is the year 5138, 1e11 ms is 1973: no job is older or newer
  const time = new Date(typeof number === 'number' && Math.abs(number) < 1e11 ? number * 1000 : number)
  return Number.isNaN(time.getTime()) ? undefined : time.toISOString()
}
