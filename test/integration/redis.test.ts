import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import { Redis } from 'ioredis'
import { openRedis, type RedisPort } from '../../shared/redis.ts'
import { type RedisServer, startRedis } from '../local/redis-server.ts'
import { startTcpProxy, type TcpProxy } from '../local/tcp-proxy.ts'

let dir: string
let server: RedisServer
let other: RedisServer
let proxy: TcpProxy
let redis: RedisPort
let target: { host: string; port: number }
const direct: Redis[] = []

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'redis-test-'))
  server = await startRedis({ dir: join(dir, 'one') })
  other = await startRedis({ dir: join(dir, 'two') })
  target = server
  proxy = await startTcpProxy(() => target)
  redis = openRedis({ host: '127.0.0.1', port: proxy.port, password: '', db: 0, tls: false })
  for (const { host, port } of [server, other]) direct.push(new Redis({ host, port }))
})
afterEach(async () => {
  proxy.mend()
  for (const client of direct) {
    await client.replicaof('NO', 'ONE')
    await client.config('SET', 'maxmemory', '0')
  }
})
afterAll(async () => {
  redis?.close()
  for (const client of direct) client.disconnect()
  await proxy?.close()
  await Promise.all([server?.close(), other?.close()])
  await rm(dir, { recursive: true, force: true })
})

const eventually = async (check: () => Promise<unknown>) => {
  for (let tries = 1; ; tries++) {
    try {
      return await check()
    } catch (error) {
      if (tries === 20) throw error
    }
  }
}

test('a database that Redis does not have is refused, and nothing is done in another', async () => {
  const { host, port } = server
  const wrong = openRedis({ host, port, password: '', db: 99, tls: false })
  try {
    for (const write of [() => wrong.set('misplaced', 'x', 60), () => wrong.ping()])
      await expect(write()).rejects.toMatchObject({
        code: 'redis_unavailable',
        message: expect.stringContaining('DB index is out of range'),
      })
    expect(await direct[0]!.exists('misplaced')).toBe(0)
  } finally {
    wrong.close()
  }
})

test('a write that was given up for want of a connection is not made later', async () => {
  await eventually(() => redis.ping())
  proxy.cut()
  await expect(redis.set('late', 'old', 60)).rejects.toMatchObject({ code: 'redis_unavailable' })
  await direct[0]!.set('late', 'new')
  proxy.mend()
  await eventually(() => redis.ping())
  expect(await redis.get('late')).toBe('new')
})

test('a connection that fell silent is given up for a new one', async () => {
  await eventually(() => redis.ping())
  proxy.silence()
  await expect(redis.ping()).rejects.toMatchObject({ code: 'redis_unavailable' })
  await eventually(() => redis.ping())
})

test('a node that has become a replica is left for the one that the name leads to now', async () => {
  await eventually(() => redis.ping())
  await direct[0]!.replicaof(other.host, other.port)
  target = other
  await expect(redis.ping()).rejects.toMatchObject({ code: 'redis_unavailable' })
  await eventually(() => redis.ping())
  await redis.set('where', 'other', 60)
  expect(await direct[1]!.get('where')).toBe('other')
})

test('a node without memory for a write is no Redis that takes one', async () => {
  await eventually(() => redis.ping())
  for (const client of direct) await client.config('SET', 'maxmemory', '1')
  await expect(redis.ping()).rejects.toThrow(/OOM/)
  expect(await redis.get('nothing')).toBeNull()
})
