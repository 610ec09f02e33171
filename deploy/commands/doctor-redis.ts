import { randomUUID } from 'node:crypto'
import type { Config } from '../../shared/config.ts'
import { openJobRecords } from '../../shared/jobs.ts'
import { jobRecordKey } from '../../shared/keys.ts'
import { openRedis, type RedisConsole } from '../../shared/redis.ts'
import { monotonicMs } from '../../shared/time.ts'
import type { CommandContext } from './context.ts'
import { asCommandError } from './errors.ts'
import type { Notes } from './finding.ts'

/** Scripts that ask for the time and then write are copied by their effects from this version on. */
const oldestVersion = 5
const slowMs = 100
const pings = 5
/** Of maxmemory. */
const fullShare = 0.9

export async function checkRedis(
  { redis: config, workerId }: Config,
  notes: Notes,
  { signal }: CommandContext,
): Promise<void> {
  const redis = openRedis(config)
  const at = `${config.host}:${config.port}`
  try {
    try {
      await redis.ping()
    } catch (error) {
      const advice = 'look at REDIS_HOST, REDIS_PORT, REDIS_PASSWORD, REDIS_TLS and the network'
      return notes.fail(at, asCommandError(error).message, advice)
    }
    const ms = await quickestPing(redis)
    if (ms > slowMs) notes.warn(at, `it takes ${Math.round(ms)} ms to answer`, 'put the workers near it')
    else notes.ok(at, 'answers')
    signal.throwIfAborted()
    judgeServer(await info(redis), notes, at)
    await tryScripts(redis, workerId, notes, at)
  } finally {
    redis.close()
  }
}

/** Milliseconds, of several: one alone may have waited for something of ours. */
async function quickestPing(redis: RedisConsole): Promise<number> {
  let quickest = Number.POSITIVE_INFINITY
  for (let count = 0; count < pings; count++) {
    const startedMs = monotonicMs()
    await redis.ping()
    quickest = Math.min(quickest, monotonicMs() - startedMs)
  }
  return quickest
}

/** The fields of INFO; empty where it is not allowed. */
async function info(redis: RedisConsole): Promise<ReadonlyMap<string, string>> {
  const text = String(await redis.ask('info').catch(() => ''))
  return new Map(text.split('\r\n').map((line) => line.split(':', 2) as [string, string]))
}

/** Pure but for the notes: what Redis says of itself, held against what the fleet needs. */
export function judgeServer(server: ReadonlyMap<string, string>, notes: Notes, at: string): void {
  const version = server.get('redis_version')
  if (version === undefined) {
    notes.warn(at, 'INFO is not allowed: version and memory are not known', 'allow INFO to this user')
    return
  }
  if (Number.parseInt(version, 10) < oldestVersion)
    notes.fail(at, `Redis ${version}`, `Redis ${oldestVersion} or later: older ones refuse the scripts`)
  else notes.ok(at, `Redis ${version}`)
  if (server.get('role') !== 'master')
    notes.fail(
      at,
      `it is a ${server.get('role')}`,
      'name the primary in REDIS_HOST: a replica takes no writes',
    )
  if (server.get('cluster_enabled') === '1')
    notes.fail(
      at,
      'it is a cluster',
      'use one without cluster mode: a job and its counter lie in different slots',
    )
  const policy = server.get('maxmemory_policy') ?? 'noeviction'
  const limit = Number(server.get('maxmemory') ?? 0)
  if (policy.startsWith('allkeys'))
    notes.warn(at, `eviction policy ${policy}`, 'set noeviction: a counter that is evicted costs a recount')
  else if (policy !== 'noeviction')
    notes.warn(
      at,
      `eviction policy ${policy}`,
      'set noeviction: records and progress bars may vanish when it is full',
    )
  else notes.ok(at, `eviction policy ${policy}`)
  const used = Number(server.get('used_memory') ?? 0)
  if (limit > 0 && used > limit * fullShare)
    notes.warn(at, `${Math.round((100 * used) / limit)} % of its memory is used`, 'give it more')
}

/** The life of a job's record that no message belongs to, through the very scripts that workers run. */
async function tryScripts(redis: RedisConsole, workerId: string, notes: Notes, at: string): Promise<void> {
  const job = { jobId: `doctor-${randomUUID()}` }
  const records = openJobRecords(redis)
  try {
    const claim = await records.claim(job, {
      ...{ owner: `doctor:${workerId}`, leaseMs: 10_000, messageId: 'doctor', sentMs: 0, counted: false },
    })
    const token = claim.verdict === 'yours' ? claim.token : 0
    const renewed = await records.renew(job, token, 10_000)
    const ended = await records.finish(job, token, { state: 'done', status: {} })
    if (renewed === 'renewed' && ended === 'ended')
      notes.ok(at, 'scripts: claimed, renewed and ended a record')
    else
      notes.fail(
        at,
        `scripts: renew says ${renewed}, finish ${ended}`,
        'something else writes under video-worker:',
      )
  } catch (error) {
    const advice = 'allow EVAL, EVALSHA and the commands in them on video-worker:* and tenant:* (ACL)'
    notes.fail(at, `scripts: ${asCommandError(error).message}`, advice)
  } finally {
    await redis.delete(jobRecordKey(job.jobId)).catch(() => {})
  }
}
