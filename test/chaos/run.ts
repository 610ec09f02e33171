/** One chaos run from beginning to end: a fleet, its weather, and the account of it. docs/chaos.md. */
import { cp, mkdtemp, readdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { every, monotonicMs, sleep } from '../../shared/time.ts'
import { type Fleet, openFleet } from '../fleet/harness.ts'
import { startTcpProxy } from '../local/tcp-proxy.ts'
import { gatherFacts } from './facts.ts'
import { type Keepers, startKeepers } from './keepers.ts'
import { type Balance, balance, type Gap, type RunFacts } from './ledger.ts'
import { People } from './people.ts'
import { type Sample, takeSamples } from './samples.ts'
import { type ChaosSize, planChaos, type StrikeKind } from './schedule.ts'
import { beatSeconds, type Settled, settle } from './settle.ts'
import { makeSources } from './sources.ts'
import { type Battlefield, strikeNow } from './strikes.ts'
import { Supervisor } from './supervisor.ts'

export interface ChaosOptions extends ChaosSize {
  readonly workers: number
  readonly signal?: AbortSignal
  say(line: string): void
}

export interface ChaosResult {
  readonly options: ChaosSize & { readonly workers: number }
  readonly balance: Balance
  readonly facts: RunFacts
  /** So often each injury hit. */
  readonly strikes: Readonly<Partial<Record<StrikeKind, number>>>
  /** Starts of workers: those of the beginning, of replacements, and after a kill. */
  readonly workerStarts: number
  readonly settled: Settled
  /** By the reconciler while the storm went on, by finding. */
  readonly repaired: Readonly<Record<string, number>>
  readonly samples: readonly Sample[]
  /** Where the logs are; undefined when all balances. */
  readonly logs: string | undefined
}

export const limits = { maxAttempts: 5, maxCrashes: 3 }
const sampleMs = 2000
/** What SQS may do and mostly does not, at each occasion. */
const moods = { duplicate: 0.05, lostReceive: 0.03, undelete: 0.03, disorder: 0.2, unnoticed: 0.1 }
const countLagMs = 1000
/**
 * A video that the API does not know is taken for deleted when its message is five minutes old. The queue's clock is
 * four behind ours, so that it takes one here.
 */
const queueClockMs = -240_000

/** What differs from the intervals of test/fleet/harness.ts. */
const chaosEnv = {
  ...{ CHUNK_SECONDS: '4', HLS_TIME_SECONDS: '2', FANOUT_MIN_CHUNKS: '4', FANOUT_LOST_SECONDS: '15' },
  ...{ LEASE_BEAT_SECONDS: String(beatSeconds), ENCODE_STALL_SECONDS: '20', STAGE_DEADLINE_SECONDS: '60' },
  ...{ JOB_BACKOFF_CAP_SECONDS: '4', VIDEO_WORKER_HTTP_TIMEOUT: '3', VIDEO_WORKER_RETRY_MAX: '4' },
  ...{ VIDEO_WORKER_BACKOFF_BASE: '0.2', VIDEO_WORKER_BACKOFF_CAP: '1', LOG_LEVEL: 'info' },
  ...{ VIDEO_JOB_MAX_ATTEMPTS: String(limits.maxAttempts), VIDEO_JOB_MAX_CRASHES: String(limits.maxCrashes) },
}

/** Rejects only when the run itself cannot go on, or with the signal's reason; all that does not balance is told. */
export async function runChaos(options: ChaosOptions): Promise<ChaosResult> {
  const { jobs, workers, seconds, seed, signal, say } = options
  signal?.throwIfAborted()
  const fleet = await openFleet({ queue: 'strict', seed })
  const proxy = await startTcpProxy(() => fleet.stack.redis)
  let closed: Promise<void> | undefined
  const close = () => {
    closed ??= fleet.close()
    return closed
  }
  const stop = () => void close()
  let keepers: Keepers | undefined
  signal?.addEventListener('abort', stop, { once: true })
  try {
    const strict = fleet.stack.strict!
    strict.advance(queueClockMs)
    const sources = await makeSources(fleet.dir)
    keepers = await startKeepers(fleet, proxy.port)
    const { setInService } = keepers
    const redis = { REDIS_PORT: String(proxy.port) }
    const supervisor = new Supervisor(fleet, workers, { ...chaosEnv, ...redis }, setInService)
    await fleet.until('the workers are up', async () => (await upCount(supervisor)) === workers)
    say(`${workers} workers are up; ${jobs} jobs in ${seconds} s, seed ${seed}`)

    strict.model.countLagMs = countLagMs
    Object.assign(strict.model.dice.chances, moods)
    strict.model.dice.leeway = { staleDelete: 'either', staleChange: 'either', lateChange: 'either' }
    const startedMs = monotonicMs()
    const nowMs = () => monotonicMs() - startedMs
    const people = new People(fleet.stack, sources, startedMs, fleet.signal)
    const samples: Sample[] = []
    const sampling = every(
      sampleMs,
      async () => void samples.push(...(await takeSamples(supervisor, nowMs() / 1000))),
      { signal: fleet.signal, onError: () => {} },
    )
    const gaps: Gap[] = []
    const calm = new AbortController()
    const field: Battlefield = { fleet, supervisor, people, proxy, gaps, nowMs, signal: calm.signal }
    const strikes = await storm(options, field, calm, say)
    await quieten(field)
    say('the storm is over')
    const settled = await settle(fleet, people, keepers, say)
    sampling.stop()
    const repaired = { ...keepers.repaired }
    await supervisor.close()
    await keepers.close()
    const exits = [...supervisor.surprises, ...keepers.surprises]
    const facts = await gatherFacts({
      ...{ fleet, people, startedMs, gaps, exits, workers: supervisor.names, unsettled: settled.unsettled },
    })
    const found = balance(facts, limits)
    const logs = found.breaches.length === 0 ? undefined : await keepLogs(fleet, seed)
    return {
      options: { jobs, workers, seconds, seed },
      ...{ balance: found, facts, strikes, settled, repaired, samples, logs },
      workerStarts: supervisor.starts,
    }
  } finally {
    signal?.removeEventListener('abort', stop)
    await keepers?.close()
    await close()
    await proxy.close()
  }
}

/** Everything that people and weather do, until the last of it is over. Resolves to what hit. */
async function storm(
  options: ChaosSize,
  field: Battlefield,
  calm: AbortController,
  say: (line: string) => void,
): Promise<Partial<Record<StrikeKind, number>>> {
  const { fleet, people, nowMs } = field
  const { acts, strikes } = planChaos(options)
  const hit: Partial<Record<StrikeKind, number>> = {}
  const at = (ms: number) => sleep(Math.max(0, ms - nowMs()), { signal: fleet.signal })
  const all = Promise.all([
    ...acts.map((act) => at(act.atMs).then(() => people.act(act))),
    ...strikes.map(async (strike) => {
      await at(strike.atMs)
      const hits = await strikeNow(strike, field)
      hit[strike.kind] = (hit[strike.kind] ?? 0) + Number(hits > 0)
    }),
  ])
  // Waited for below; a run that is stopped ends before.
  all.catch(() => {})
  const saying = every(
    30_000,
    () => say(`${Math.round(nowMs() / 1000)} s: ${people.jobs.length} jobs sent`),
    {
      signal: fleet.signal,
    },
  )
  await at(options.seconds * 1000)
  calm.abort(new Error('the storm is over'))
  saying.stop()
  await all
  return hit
}

/** Whatever still stands is mended. */
async function quieten({ fleet, proxy }: Battlefield): Promise<void> {
  const { s3, sqs, api, strict, redisClient } = fleet.stack
  proxy.mend()
  for (const { faults } of [s3, sqs, api]) faults.clear()
  strict!.model.dice.calm()
  strict!.model.countLagMs = 0
  await redisClient.config('SET', 'min-replicas-to-write', '0')
  await redisClient.config('SET', 'maxmemory', '0')
}

async function upCount({ places }: Supervisor): Promise<number> {
  return places.filter(({ worker }) => worker.text().includes('worker is up')).length
}

/** The logs of workers and publisher, outside of the folder that is removed. */
async function keepLogs({ dir }: Fleet, seed: number): Promise<string> {
  const kept = await mkdtemp(join(tmpdir(), `video-worker-chaos-${seed}-`))
  for (const name of await readdir(dir))
    if (name.endsWith('.log')) await cp(join(dir, name), join(kept, name))
  return kept
}
