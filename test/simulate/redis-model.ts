/**
 * As much of Redis as shared/redis.ts and shared/lua use: strings, hashes, and sets (hashes here) with times to live.
 * Held to a real redis-server by test/integration/simulated-redis.test.ts.
 */

export type Reply = string | number | null | Reply[]

type Value = { text: string } | { hash: Map<string, string> }
type Kept = Value & { untilMs: number }

const wrongType = 'WRONGTYPE Operation against a key holding the wrong kind of value'

export class RedisModel {
  readonly #wallMs: () => number
  #keys = new Map<string, Kept>()
  /** Told after each change of a string to a number, by key: for whoever watches counters. */
  onNumber: (key: string, value: number) => void = () => {}

  /** wallMs: milliseconds since 1970. */
  constructor(wallMs: () => number) {
    this.#wallMs = wallMs
  }

  /** Loses everything. */
  wipe(): void {
    this.#keys.clear()
  }

  keys(prefix = ''): string[] {
    return [...this.#keys.keys()].filter((key) => key.startsWith(prefix) && this.#find(key))
  }

  /** A hash's fields, or nothing. */
  hash(key: string): Record<string, string> {
    const found = this.#find(key)
    return found && 'hash' in found ? Object.fromEntries(found.hash) : {}
  }

  call(name: string, ...args: string[]): Reply {
    const [key = '', ...rest] = args
    switch (name.toUpperCase()) {
      case 'GET':
        return this.#text(key) ?? null
      case 'SET': {
        const seconds = rest[1]?.toUpperCase() === 'EX' ? Number(rest[2]) : Number.POSITIVE_INFINITY
        this.#keys.set(key, { text: rest[0] ?? '', untilMs: this.#wallMs() + seconds * 1000 })
        return 'OK'
      }
      case 'DEL':
        return args.filter((each) => this.#find(each) && this.#keys.delete(each)).length
      case 'INCR':
        return this.#add(key, 1)
      case 'DECR':
        return this.#add(key, -1)
      case 'SADD':
        return this.call('HSET', key, ...rest.flatMap((member) => [member, '']))
      case 'SMEMBERS':
        return [...(this.#fields(key)?.keys() ?? [])]
      case 'EXPIRE': {
        const found = this.#find(key)
        if (found) found.untilMs = this.#wallMs() + Number(rest[0]) * 1000
        return found ? 1 : 0
      }
      case 'TIME': {
        const ms = Math.floor(this.#wallMs())
        return [String(Math.floor(ms / 1000)), String((ms % 1000) * 1000)]
      }
      case 'PING':
        return 'PONG'
      default:
        return this.#hashCall(name.toUpperCase(), key, rest)
    }
  }

  #hashCall(name: string, key: string, rest: string[]): Reply {
    const fields = this.#fields(key)
    switch (name) {
      case 'HGET':
        return fields?.get(rest[0] ?? '') ?? null
      case 'HMGET':
        return rest.map((field) => fields?.get(field) ?? null)
      case 'HVALS':
        return [...(fields?.values() ?? [])]
      case 'HSET': {
        const hash = fields ?? this.#makeHash(key)
        let added = 0
        for (let at = 0; at < rest.length; at += 2) {
          if (!hash.has(rest[at]!)) added += 1
          hash.set(rest[at]!, rest[at + 1]!)
        }
        return added
      }
      case 'HINCRBY': {
        const hash = fields ?? this.#makeHash(key)
        const value = Number(hash.get(rest[0]!) ?? 0) + Number(rest[1])
        hash.set(rest[0]!, String(value))
        return value
      }
      case 'HDEL': {
        const removed = rest.filter((field) => fields?.delete(field)).length
        if (fields?.size === 0) this.#keys.delete(key)
        return removed
      }
    }
    throw new Error(`ERR unknown command '${name}'`)
  }

  #find(key: string): Kept | undefined {
    const found = this.#keys.get(key)
    if (found && found.untilMs <= this.#wallMs()) {
      this.#keys.delete(key)
      return undefined
    }
    return found
  }

  #text(key: string): string | undefined {
    const found = this.#find(key)
    if (found && !('text' in found)) throw new Error(wrongType)
    return found?.text
  }

  #fields(key: string): Map<string, string> | undefined {
    const found = this.#find(key)
    if (found && !('hash' in found)) throw new Error(wrongType)
    return found?.hash
  }

  #makeHash(key: string): Map<string, string> {
    const hash = new Map<string, string>()
    this.#keys.set(key, { hash, untilMs: Number.POSITIVE_INFINITY })
    return hash
  }

  #add(key: string, by: number): number {
    const before = this.#text(key)
    const value = Number(before ?? 0) + by
    if (!Number.isSafeInteger(value)) throw new Error('ERR value is not an integer or out of range')
    const untilMs = this.#find(key)?.untilMs ?? Number.POSITIVE_INFINITY
    this.#keys.set(key, { text: String(value), untilMs })
    this.onNumber(key, value)
    return value
  }
}
