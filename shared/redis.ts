import { readFileSync } from 'node:fs'
import { Redis } from 'ioredis'
import type { Config } from './config.ts'
import { WorkerError } from './errors.ts'

/** A command that takes longer than this is a Redis that is away: the job goes on under the SQS lease alone. */
const commandTimeoutMs = 3_000

const scripts = [
  ...(['claim', 'renew', 'release', 'finish', 'fenced-set'] as const),
  ...(['fan-out', 'enqueue', 'part-progress'] as const),
  ...(['scan-page', 'reconcile-lock', 'reconcile-unlock', 'reconcile-look', 'reconcile-drift'] as const),
  ...(['repair-counter', 'repair-stalled', 'repair-resend', 'repair-part'] as const),
  ...(['start-over', 'withdraw', 'ask-cancel'] as const),
] as const
export type ScriptName = (typeof scripts)[number]

/** The fleet's Redis. Every call throws `redis_unavailable` when there is no answer within 3 s. */
export interface RedisPort {
  /** Runs shared/lua/{name}.lua; the script's header gives keys, arguments and returns. */
  run(name: ScriptName, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown>
  get(key: string): Promise<string | null>
  /** One field of a hash. */
  field(key: string, field: string): Promise<string | null>
  /** seconds: time to live. */
  set(key: string, value: string, seconds: number): Promise<void>
  delete(...keys: string[]): Promise<void>
  ping(): Promise<void>
  close(): void
}

/** The same for those who look at the fleet from outside: operators' commands. */
export interface RedisConsole extends RedisPort {
  /** Any other command, and its answer as ioredis gives it. */
  ask(command: string, ...args: readonly (string | number)[]): Promise<unknown>
}

export interface RedisHooks {
  onUp?(): void
  /** Called once each time the connection is lost, not for each try. */
  onDown?(error: Error): void
}

export function openRedis(config: Config['redis'], hooks: RedisHooks = {}): RedisConsole {
  const client = new Redis({
    host: config.host,
    port: config.port,
    db: config.db,
    ...(config.password === '' ? {} : { password: config.password }),
    ...(config.tls ? { tls: {} } : {}),
    connectTimeout: commandTimeoutMs,
    commandTimeout: commandTimeoutMs,
    // A command is tried on one connection only: a retried script could run twice. Its timeout bounds the wait.
    maxRetriesPerRequest: 0,
    enableOfflineQueue: true,
    retryStrategy: (times) => Math.min(100 * 2 ** times, 5_000),
  })
  let up = true
  client.on('ready', () => {
    up = true
    hooks.onUp?.()
  })
  // ioredis throws an unhandled error without a listener.
  client.on('error', (error: Error) => {
    if (up) hooks.onDown?.(error)
    up = false
  })
  const prelude = readScript('prelude')
  for (const name of scripts)
    client.defineCommand(commandName(name), { lua: `${prelude}\n${readScript(name)}` })
  const commands = client as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>

  return {
    run: (name, keys, args) =>
      answer(name, commands[commandName(name)]!.call(client, keys.length, ...keys, ...args)),
    get: (key) => answer('get', client.get(key)),
    field: (key, field) => answer('hget', client.hget(key, field)),
    set: async (key, value, seconds) => {
      await answer('set', client.set(key, value, 'EX', seconds))
    },
    delete: async (...keys) => {
      await answer('del', client.del(...keys))
    },
    ping: async () => {
      await answer('ping', client.ping())
    },
    ask: (command, ...args) => answer(command, client.call(command, ...args)),
    close: () => client.disconnect(),
  }
}

function readScript(name: string): string {
  return readFileSync(new URL(`./lua/${name}.lua`, import.meta.url), 'utf8')
}

function commandName(name: ScriptName): string {
  return `videoWorker_${name}`
}

async function answer<T>(what: string, reply: Promise<T>): Promise<T> {
  try {
    return await reply
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    throw new WorkerError('redis_unavailable', `Redis did not answer ${what}: ${message}`, { cause: error })
  }
}
