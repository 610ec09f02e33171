/** The simulation's Redis and Lua against a real redis-server: the same scripts, the same answers, the same keys after. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals'
import { Redis } from 'ioredis'
import { chance } from '../bench/chance.ts'
import { startRedis } from '../local/redis-server.ts'
import { LuaScripts } from '../simulate/lua.ts'
import { RedisModel } from '../simulate/redis-model.ts'

const names = [
  ...(['claim', 'renew', 'release', 'finish', 'fenced-set'] as const),
  ...(['fan-out', 'enqueue', 'part-progress', 'pay-debt'] as const),
]
const lua = new LuaScripts()
const sources = new Map<string, string>()
let dir: string
let server: Awaited<ReturnType<typeof startRedis>>
let real: Redis
let model: RedisModel

beforeAll(async () => {
  const read = (name: string) => readFile(new URL(`../../shared/lua/${name}.lua`, import.meta.url), 'utf8')
  const prelude = await read('prelude')
  for (const name of names) sources.set(name, `${prelude}\n${await read(name)}`)
  dir = await mkdtemp(join(tmpdir(), 'simulated-redis-'))
  server = await startRedis({ dir })
  real = new Redis({ host: server.host, port: server.port })
})
afterAll(async () => {
  real?.disconnect()
  await server?.close()
  await rm(dir, { recursive: true, force: true })
})
beforeEach(async () => {
  await real.flushall()
  model = new RedisModel(() => Date.now())
})

/** Times differ by the milliseconds between the two. */
function blurred(value: unknown): unknown {
  if (Array.isArray(value)) return value[0] === 'busy' ? ['busy', 'a while'] : value.map(blurred)
  return typeof value === 'string' && /^1[789]\d{11}(\.\d+)?$/.test(value) ? 'a time' : value
}

async function both(name: string, keys: string[], args: (string | number)[]): Promise<void> {
  const source = sources.get(name)!
  const theirs = await real.eval(source, keys.length, ...keys, ...args).catch((error: Error) => error.message)
  const ours = lua.run(source, keys, args.map(String), model)
  expect({ name, args, reply: blurred(ours) }).toEqual({ name, args, reply: blurred(theirs) })
}

/** Every key with what it holds, and whether it will go. */
async function realKeys(): Promise<Record<string, unknown>> {
  const all: Record<string, unknown> = {}
  for (const key of (await real.keys('*')).sort()) {
    const type = await real.type(key)
    const value =
      type === 'hash'
        ? await real.hgetall(key)
        : type === 'set'
          ? await real.smembers(key)
          : await real.get(key)
    all[key] = { value, lasts: (await real.ttl(key)) < 0 }
  }
  return all
}

test('they agree after any history of a job and its parts', async () => {
  const random = chance(7)
  const oneOf = <T>(all: readonly T[]): T => all[Math.floor(random() * all.length)]!
  const count = 'tenant:1:video:backlog_count'
  for (let step = 0; step < 400; step++) {
    const job = oneOf(['record:a', 'record:b'])
    const part = `${job}/${oneOf(['chunk-0', 'chunk-1'])}`
    const record = oneOf([job, part])
    const token = oneOf([1, 1, 2, 3, 4])
    const parent = record === part ? job : record
    const name = oneOf(names)
    if (name === 'claim')
      await both(
        name,
        [record, count],
        [
          oneOf(['w1', 'w2']),
          oneOf([1, 60_000]),
          oneOf(['m1', 'm2']),
          1,
          900,
          oneOf(['', 'body']),
          oneOf([0, 4e12]),
        ],
      )
    else if (name === 'renew') await both(name, [record, count], [token, 60_000, 900])
    else if (name === 'release')
      await both(name, [record, count], [token, oneOf(['failures', 'crashes', 'releases']), 900])
    else if (name === 'finish')
      await both(
        name,
        [record, 'status', 'heartbeat', count, record === part ? record : `sent:${job}`],
        [token, oneOf(['done', 'dead', 'cancelled']), '{"a":1}', oneOf([0, 1]), 900],
      )
    else if (name === 'fenced-set')
      await both(name, [record, 'status', parent], [token, `value ${step}`, 900])
    else if (name === 'fan-out') await both(name, [record, count], [token, 900])
    else if (name === 'enqueue')
      await both(name, [part, count, `sent:${job}`, job], [900, oneOf([0, 60_000])])
    else if (name === 'pay-debt') await both(name, [record, count], [])
    else
      await both(
        name,
        [part, `parts:${job}`, 'progress', job],
        [
          token,
          oneOf(['chunk-0', 'chunk-1']),
          oneOf([0, 50, 100]),
          oneOf([0, 12.5]),
          'w1',
          200,
          900,
          50,
          85,
          '{"step":"transcoding","percent":50}',
        ],
      )
    if (random() < 0.3) {
      await real.incr(count)
      model.call('INCR', count)
    }
    if (random() < 0.1 && (await real.hexists(record, 'owed_until'))) {
      // Five minutes later.
      await real.hset(record, 'owed_until', 1)
      model.call('HSET', record, 'owed_until', '1')
    }
    if (random() < 0.01) {
      await real.flushall()
      model.wipe()
    }
    // A lease of a millisecond has run out in both.
    await new Promise((resolve) => setTimeout(resolve, 3))
  }
  const theirs = await realKeys()
  for (const [key, kept] of Object.entries(theirs)) {
    const { value } = kept as { value: unknown }
    if (typeof value === 'string') expect([key, sorted(model.call('GET', key))]).toEqual([key, sorted(value)])
    else if (Array.isArray(value))
      expect([key, (model.call('SMEMBERS', key) as string[]).sort()]).toEqual([key, value.sort()])
    else expect([key, blurredAll(model.hash(key))]).toEqual([key, blurredAll(value as object)])
  }
  expect(model.keys().sort()).toEqual(Object.keys(theirs))
})

/** cjson writes fields in an order of its own. */
function sorted(text: unknown): unknown {
  return typeof text === 'string' && text.startsWith('{') ? JSON.parse(text) : text
}

function blurredAll(hash: object): object {
  return Object.fromEntries(Object.entries(hash).map(([field, value]) => [field, blurred(value)]))
}
