import convict from 'convict'

/**
 * The formats of shared/config-schema.ts. Convict's own are too kind for an environment ("12abc" is the integer 12,
 * "yes" the boolean true, so is "no"), so each is read strictly here: what cannot be read stays the text that it
 * was and is refused, with the text in the message. Problems read on from the variable's name.
 */
type Check = (value: never, limits: Limits) => void

export interface Limits {
  min?: number
  max?: number
}

const controlCharacters = /\p{Cc}/u

function need(value: unknown): void {
  if (value === null) throw new Error('is required and not set')
}

function checkText(value: unknown): void {
  need(value)
  if (controlCharacters.test(String(value))) throw new Error('must not contain control characters')
}

function checkPlain(value: unknown): void {
  checkText(value)
  if (/^(["']).*\1$/.test(String(value))) throw new Error('has quotes as part of its value: remove them')
}

function checkNumber(
  value: unknown,
  whole: boolean,
  { min = 0, max = Number.MAX_SAFE_INTEGER }: Limits,
): void {
  need(value)
  const fits =
    typeof value === 'number' && value >= min && value <= max && (!whole || Number.isInteger(value))
  if (!fits) throw new Error(`must be a ${whole ? 'whole ' : ''}number from ${min} to ${max}`)
}

function checkUrl(value: unknown, { path }: { path: boolean }): void {
  checkPlain(value)
  if (value === '') return
  const url = URL.parse(String(value))
  if (!url || !/^https?:$/.test(url.protocol)) throw new Error('must be an http or https address')
  if (url.username || url.password) throw new Error('must not hold a user name or password')
  if (url.search || url.hash) throw new Error('must not have a query or fragment')
  if (!path && url.pathname !== '/') throw new Error('must not have a path (the bucket has its own variable)')
}

function checkHost(value: unknown): void {
  checkPlain(value)
  const fits = /^([\w.-]+|[\da-f:.]*:[\da-f:.]*:[\da-f:.]*)$/i.test(String(value))
  if (!fits) throw new Error('must be a host name or address alone, without scheme, port or path')
}

function checkPrefix(value: unknown): void {
  checkPlain(value)
  const parts = String(value).split('/').slice(0, -1)
  if (parts.some((part) => part === '' || part === '.' || part === '..')) {
    throw new Error('must be a folder in the bucket without a leading slash, such as "videos/"')
  }
}

function toNumber(text: string): number | string {
  return /^[+-]?\d+(\.\d+)?$/.test(text) ? Number(text) : text
}

function toFlag(text: string): boolean | string {
  if (/^(1|true|yes|on)$/i.test(text)) return true
  return /^(0|false|no|off)$/i.test(text) ? false : text
}

const withoutSlash = (text: string) => text.replace(/\/+$/, '')
const withSlash = (text: string) => (text === '' ? '' : `${text.replace(/\/+$/, '')}/`)

const formats: Record<string, { validate: Check; coerce: (text: string) => unknown }> = {
  secret: { validate: checkText, coerce: (text) => text },
  text: { validate: checkPlain, coerce: (text) => text },
  whole: { validate: (value, limits) => checkNumber(value, true, limits), coerce: toNumber },
  decimal: { validate: (value, limits) => checkNumber(value, false, limits), coerce: toNumber },
  flag: {
    validate: (value) => {
      if (typeof value !== 'boolean') throw new Error('must be 1 or 0 (or true, false, yes, no, on, off)')
    },
    coerce: toFlag,
  },
  address: { validate: (value) => checkUrl(value, { path: true }), coerce: withoutSlash },
  origin: { validate: (value) => checkUrl(value, { path: false }), coerce: withoutSlash },
  hostname: { validate: checkHost, coerce: (text) => text },
  folder: { validate: checkPrefix, coerce: withSlash },
}

export type FormatName =
  | 'secret'
  | 'text'
  | 'whole'
  | 'decimal'
  | 'flag'
  | 'address'
  | 'origin'
  | 'hostname'
  | 'folder'

/** Makes the formats known to convict, which keeps them per process; doing it again changes nothing. */
export function registerFormats(): void {
  for (const [name, format] of Object.entries(formats)) {
    convict.addFormat({ name, coerce: format.coerce, validate: format.validate as (value: unknown) => void })
  }
}
