/** Injuries to Redis, the bucket, the API and the queue. */
import { sleep } from '../../shared/time.ts'
import type { Fault, FaultMatch, Faults } from '../local/faults.ts'
import { names } from '../local/stack-env.ts'
import type { Strike, StrikeKind } from './schedule.ts'
import type { Battlefield, StrikeAction } from './strikes.ts'

type ServiceKind = Extract<StrikeKind, `${'redis' | 'bucket' | 'api' | 'queue'} ${string}`>
type Wrongs = readonly (readonly [FaultMatch, Fault])[]

/** The product's uploads go on: it is the workers who are refused. */
const notRaw = /^(?!.*\/raw\/)/
const source = /\/video\/raw\//
const worker = /\/video-worker\//
const terminal = /\/(complete|fail)\/$/
/** A connection that falls silent is given up after 5 s. */
const silentMs = 6000
/** Of a video that the API does not know (yet): its message is young for so long (main clock: chaosEnv). */
const unknownForMs = 40_000
const redisDelayMs = 600
const gone = { reset: true } as const

export const serviceStrikes: Readonly<Record<ServiceKind, StrikeAction>> = {
  'redis cut': (strike, field) =>
    gap(strike, field, false, async () => {
      field.proxy.cut()
      await lasting(strike, field)
      field.proxy.mend()
    }),
  'redis silent': (strike, field) =>
    gap({ ...strike, lastsMs: silentMs }, field, false, async () => {
      field.proxy.silence()
      await sleep(silentMs, { signal: field.signal }).catch(() => {})
    }),
  'redis slow': (strike, field) =>
    gap(strike, field, false, async () => {
      field.proxy.slow(redisDelayMs * strike.strength)
      await lasting(strike, field)
      field.proxy.mend()
    }),
  'redis read-only': configured('min-replicas-to-write', '1', '0'),
  'redis full': configured('maxmemory', '1', '0'),
  'redis wiped': (strike, field) =>
    gap(strike, field, true, async () => {
      await field.fleet.stack.redisClient.flushall()
    }),
  'redis killed': (strike, field) =>
    gap(strike, field, true, async () => {
      await field.fleet.stack.redis.kill()
      await lasting(strike, field)
      await field.fleet.stack.redis.restart()
    }),

  'bucket 500': bucket(() => [[{}, { status: 500 }]]),
  'bucket SlowDown': bucket(() => [[{}, { status: 503, code: 'SlowDown' }]]),
  'bucket cut': bucket(({ strength }) => [
    [
      { operation: 'PutObject', key: /seg-/ },
      { ...gone, afterBytes: 1000 },
    ],
    [{ operation: 'GetObject' }, { ...gone, afterBytes: Math.round(strength * 20_000) }],
  ]),
  'bucket slow': bucket(({ strength }) => [[{}, { delayMs: 200 + 1500 * strength }]]),
  'bucket corrupt': bucket(({ strength }) => [
    [{ operation: 'GetObject', key: source }, { flip: Math.round(strength * 150_000) }],
    [{ operation: 'GetObject', key: /\.work\// }, { flip: 40 }],
  ]),
  'bucket full': bucket(() => [
    [
      { operation: 'PutObject', key: notRaw },
      { status: 507, code: 'QuotaExceeded' },
    ],
  ]),
  'bucket denied': bucket(() => [
    [
      { operation: 'PutObject', key: notRaw },
      { status: 403, code: 'AccessDenied' },
    ],
  ]),

  'api 500': api(() => [[{ key: worker }, { status: 500 }]]),
  'api 503': api(() => [[{ key: worker }, { status: 503 }]]),
  'api 401': api(() => [[{ key: worker }, { status: 401 }]]),
  async 'api 404'(strike, field) {
    // Whose row is late: of a video that it once knew, or that is old, the API's word is that it is deleted.
    const { calls } = field.fleet.stack.api
    const videos = field.people.jobs.filter(
      ({ video, sentMs = Number.NEGATIVE_INFINITY }) =>
        field.nowMs() - sentMs < unknownForMs / 2 && !calls.some(({ videoId }) => videoId === video),
    )
    const wrongs = videos.map(({ video }): Wrongs[number] => [
      { key: new RegExp(`/video-worker/${video}/`) },
      { status: 404 },
    ])
    const lastsMs = Math.min(strike.lastsMs, unknownForMs / 2)
    return hits({ ...strike, lastsMs, strength: 1 }, field, field.fleet.stack.api.faults, wrongs)
  },
  'api 409': api(() => [[{ key: worker }, { status: 409 }]]),
  'api slow': api(({ strength }) => [[{ key: worker }, { delayMs: 500 + 4000 * strength }]]),
  'api unheard': api(() => [[{ key: terminal }, { ...gone, when: 'after' }]]),

  'queue throttled': queue(() => [[{}, { status: 400, code: 'RequestThrottled' }]]),
  'queue 500': queue(() => [[{}, { status: 500 }]]),
  'queue unheard': queue(() => [[{}, { ...gone, when: 'after' }]]),
  async 'queue away'(strike, field) {
    const { strict } = field.fleet.stack
    if (!strict || isAway.has(strict)) return 0
    isAway.add(strict)
    const back = await strict.goAway()
    await lasting(strike, field)
    await back()
    isAway.delete(strict)
    return 1
  },
  async 'queue repeats'({ pick, strength }, { fleet }) {
    const { strict } = fleet.stack
    const ever = strict?.model.queue(names.queue).messages('ever') ?? []
    const count = Math.min(ever.length, 1 + Math.floor(4 * strength))
    for (let copy = 0; copy < count; copy++) {
      const { id } = ever[Math.floor(((pick + copy / count) % 1) * ever.length)]!
      strict!.deliverAgain(names.queue, id)
    }
    return count
  },
}

const isAway = new WeakSet<object>()

/** Half of them hit every request while they last, the others a few. */
async function hits(strike: Strike, field: Battlefield, faults: Faults, wrongs: Wrongs): Promise<number> {
  const times = strike.strength > 0.5 ? Number.POSITIVE_INFINITY : 2 + Math.round(40 * strike.strength)
  const handles = wrongs.map(([match, fault]) => faults.failNext(match, { ...fault, times }))
  await lasting(strike, field)
  for (const handle of handles) handle.remove()
  return handles.reduce((sum, handle) => sum + handle.hits(), 0)
}

function bucket(wrongs: (strike: Strike) => Wrongs): StrikeAction {
  return (strike, field) => hits(strike, field, field.fleet.stack.s3.faults, wrongs(strike))
}

function api(wrongs: (strike: Strike) => Wrongs): StrikeAction {
  return (strike, field) => hits(strike, field, field.fleet.stack.api.faults, wrongs(strike))
}

function queue(wrongs: (strike: Strike) => Wrongs): StrikeAction {
  return (strike, field) => hits(strike, field, field.fleet.stack.sqs.faults, wrongs(strike))
}

function configured(name: string, value: string, well: string): StrikeAction {
  return (strike, field) =>
    gap(strike, field, false, async () => {
      const { redisClient } = field.fleet.stack
      await redisClient.config('SET', name, value)
      await lasting(strike, field)
      // One that was restarted meanwhile is well already.
      await redisClient.config('SET', name, well).catch(() => {})
    })
}

/** Notes when Redis took no writes, and whether it lost all at the end of it. */
async function gap(
  strike: Strike,
  field: Battlefield,
  wiped: boolean,
  run: () => Promise<void>,
): Promise<number> {
  const fromMs = field.nowMs()
  const note = { fromMs, toMs: fromMs + strike.lastsMs, wiped }
  field.gaps.push(note)
  await run()
  note.toMs = field.nowMs()
  return 1
}

/** Until it has lasted, or the storm is over. */
function lasting({ lastsMs }: Strike, { signal }: Battlefield): Promise<void> {
  return sleep(lastsMs, { signal }).catch(() => {})
}
