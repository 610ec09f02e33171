import { readFileSync } from 'node:fs'
import { Redis } from 'ioredis'
import type { Config } from './config.ts'
import { WorkerError } from './errors.ts'
import { pingKey } from './keys.ts'
import { deadline, monotonicMs } from './time.ts'

/** A command that takes longer than this is a Redis that is away: the job goes on under the SQS lease alone. */
const commandTimeoutMs = 3_000
/**
 * A connection that has been silent for this long after a command is dead, although nobody closed it: the node behind
 * it is gone. TCP alone would find out after a quarter of an hour.
 */
const silenceMs = 5_000
/** A node that refuses writes has become a replica: its name leads elsewhere by now. Looked up so often at most. */
const readOnlyReconnectMs = 5_000
const pingSeconds = 60

const scripts = [
  ...(['claim', 'renew', 'release', 'finish', 'fenced-set'] as const),
  ...(['fan-out', 'enqueue', 'part-progress', 'pay-debt'] as const),
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
  /** Resolves when Redis takes a write. */
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
  let reconnectedMs = Number.NEGATIVE_INFINITY
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
    // What has to wait for a connection waits here (connected): ioredis would send it later, when its caller has been
    // told that it failed, and an old write would undo a newer one.
    enableOfflineQueue: false,
    socketTimeout: silenceMs,
    reconnectOnError(error) {
      if (!error.message.includes('READONLY') || monotonicMs() - reconnectedMs < readOnlyReconnectMs)
        return false
      reconnectedMs = monotonicMs()
      return true
    },
    retryStrategy: (times) => Math.min(100 * 2 ** times, 5_000),
  })
  // Commands that wait for a connection listen for it: as many as there are.
  client.setMaxListeners(0)
  let up = true
  /** Since when there has been no connection. */
  let lostMs: number | undefined = monotonicMs()
  let selected: Promise<unknown> = Promise.resolve()
  client.on('close', () => {
    lostMs ??= monotonicMs()
  })
  client.on('ready', () => {
    up = true
    lostMs = undefined
    // ioredis asks for the database too, and goes on in number 0 when that is refused, without a word.
    selected = config.db === 0 ? Promise.resolve() : client.select(config.db)
    selected.catch(() => {})
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

  const closed = new AbortController()

  /** Sends a command on a living connection, or says that there is none. */
  async function ask<T>(what: string, send: () => Promise<T>): Promise<T> {
    try {
      await connected()
      await selected
      return await send()
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      throw new WorkerError('redis_unavailable', `Redis did not answer ${what}: ${message}`, { cause: error })
    }
  }

  async function connected(): Promise<void> {
    // A connection that is being closed counts as ready until it is: nothing can be sent on it.
    const { status, stream } = client as unknown as { status: string; stream?: { writable: boolean } }
    if (status === 'ready' && stream?.writable) return
    // A short break is waited for; of a long one each job would wait dozens of times.
    const patienceMs = (lostMs ?? monotonicMs()) + commandTimeoutMs - monotonicMs()
    using limit = deadline(patienceMs, closed.signal, () => new Error('there is no connection'))
    await new Promise<void>((resolve, reject) => {
      const failed = () => {
        client.off('ready', resolve)
        reject(limit.signal.reason)
      }
      client.once('ready', resolve)
      if (limit.signal.aborted) failed()
      else limit.signal.addEventListener('abort', failed, { once: true })
    })
  }

  return {
    run: (name, keys, args) =>
      ask(name, () => commands[commandName(name)]!.call(client, keys.length, ...keys, ...args)),
    get: (key) => ask('get', () => client.get(key)),
    field: (key, field) => ask('hget', () => client.hget(key, field)),
    set: async (key, value, seconds) => {
      await ask('set', () => client.set(key, value, 'EX', seconds))
    },
    delete: async (...keys) => {
      await ask('del', () => client.del(...keys))
    },
    ping: async () => {
      await ask('ping', () => client.set(pingKey, '1', 'EX', pingSeconds))
    },
    close: () => {
      closed.abort(new Error('the connection was closed'))
      client.disconnect()
    },
    ask: (command, ...args) => ask(command, () => client.call(command, ...args)),
  }
}

/** Whether Redis has answered, and said no (a key that holds another type); ioredis calls it so. */
export function isRefusal(error: unknown): boolean {
  if (!(error instanceof WorkerError) || error.code !== 'redis_unavailable') return false
  return error.cause instanceof Error && error.cause.name === 'ReplyError'
}

function readScript(name: string): string {
  return readFileSync(new URL(`./lua/${name}.lua`, import.meta.url), 'utf8')
}

function commandName(name: ScriptName): string {
  return `videoWorker_${name}`
}
