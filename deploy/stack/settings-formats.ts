/**
 * The formats of the settings. Each throws a sentence that reads on from the setting's name; null is a setting that is
 * required and missing.
 */
type Check = (value: unknown) => void

const need = (value: unknown) => {
  if (value === null) throw new Error('is required')
}

/** Values that match a pattern whole, which `words` describe. */
const shape =
  (pattern: RegExp, words: string): Check =>
  (value) => {
    need(value)
    if (typeof value !== 'string' || !pattern.test(value)) throw new Error(`must be ${words}`)
  }

const orNone =
  (check: Check): Check =>
  (value) => {
    if (value !== '') check(value)
  }

const listOf =
  (check: Check, least: number): Check =>
  (value) => {
    need(value)
    if (!Array.isArray(value) || value.length < least) throw new Error(`must be a list of at least ${least}`)
    for (const each of value) check(each)
    if (new Set(value).size < value.length) throw new Error('must not name one twice')
  }

export const flag: Check = (value) => {
  need(value)
  if (typeof value !== 'boolean') throw new Error('must be true or false, without quotes')
}

function numeric(min: number, max: number, whole: boolean): Check {
  return (value) => {
    need(value)
    const fits =
      typeof value === 'number' && value >= min && value <= max && (!whole || Number.isInteger(value))
    if (!fits)
      throw new Error(`must be a ${whole ? 'whole ' : ''}number from ${min} to ${max}, without quotes`)
  }
}
export const whole = (min: number, max: number): Check => numeric(min, max, true)
export const decimal = (min: number, max: number): Check => numeric(min, max, false)

export const oneOf =
  (...words: string[]): Check =>
  (value) => {
    need(value)
    if (!words.includes(value as string)) throw new Error(`must be ${words.join(' or ')}`)
  }

export const text = shape(/^[\x20-\x7e]{1,200}$/, 'printable text of at most 200 characters')
export const name = shape(/^[a-zA-Z][a-zA-Z0-9-]{1,62}$/, 'a name of letters, digits and hyphens')
export const region = shape(/^[a-z]{2}(-[a-z]+)+-\d$/, 'a region like ap-northeast-2')
export const queue = shape(/^[\w-]{1,80}$/, 'the name of a standard queue, not its address')
export const queueOrNone = orNone(queue)
export const parameter = shape(
  /^\/(?!aws|ssm)[\w./-]{1,500}$/i,
  'the name of an SSM parameter, from its first slash',
)
export const repository = shape(/^[a-z0-9]+([._/-][a-z0-9]+)*$/, 'the name of a repository, without its host')
export const digest = shape(/^sha256:[0-9a-f]{64}$/, 'a digest, sha256: and 64 hexadecimal digits, not a tag')
export const address = shape(
  /^https?:\/\/[^\s/?#]+\/[^\s?#]*$/,
  'a whole http or https address with its path',
)
export const codeUri = orNone(
  shape(/^s3:\/\/[a-z0-9.-]{3,63}\/[\w./=+-]+\.tar\.gz$/, 's3://BUCKET/KEY.tar.gz'),
)
export const sha256OrNone = orNone(shape(/^[0-9a-f]{64}$/, '64 hexadecimal digits'))
export const keyArn = orNone(
  shape(/^arn:[\w-]+:kms:[\w-]+:\d{12}:key\/[\w-]+$/, 'the ARN of a key, not an alias'),
)
export const topicArn = orNone(shape(/^arn:[\w-]+:sns:[\w-]+:\d{12}:[\w-]+$/, 'the ARN of a topic'))
export const emailOrNone = orNone(shape(/^[^\s@]+@[^\s@]+\.[^\s@]+$/, 'an address of e-mail'))
export const ami = orNone(
  shape(/^(ami-[0-9a-f]{8,17}|\/[\w./-]+:\d+)$/, 'ami-… or NAME:VERSION of a parameter: a pinned one'),
)
export const extraQueues = orNone(
  shape(/^[\w-]+=[\w-]+(\.fifo)?(,[\w-]+=[\w-]+(\.fifo)?)*$/, 'like AI=queue-name,Messaging=other-queue'),
)

export const id = (prefix: string): Check =>
  shape(new RegExp(`^${prefix}-[0-9a-f]{8,17}$`), `an id like ${prefix}-0123456789abcdef0`)
export const idOrNone = (prefix: string): Check => orNone(id(prefix))
export const ids = (prefix: string): Check => listOf(id(prefix), 1)
export const idsOrNone = (prefix: string): Check => listOf(id(prefix), 0)
export const ports = listOf(numeric(1, 65_535, true), 1)
export const types = listOf(shape(/^[a-z][a-z0-9-]*\.[a-z0-9-]+$/, 'instance types like c7g.2xlarge'), 0)

/** CloudWatch Logs takes these and no others. */
const retentions = [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1827, 3653]
export const retention: Check = (value) => {
  need(value)
  if (!retentions.includes(value as number)) throw new Error(`must be one of ${retentions.join(', ')}`)
}
