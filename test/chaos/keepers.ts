/** Who looks after the fleet while it runs: the publisher of the backlog as a process, and the reconciler by a timer. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { loadConfig } from '../../shared/config.ts'
import { asWorkerError } from '../../shared/errors.ts'
import { type Area, areas, findings } from '../../shared/reconcile/find.ts'
import type { Limits } from '../../shared/reconcile/limits.ts'
import { repair } from '../../shared/reconcile/repair.ts'
import { type OpenWorld, openWorld } from '../../shared/reconcile/world.ts'
import { every, sleep } from '../../shared/time.ts'
import type { Fleet } from '../fleet/harness.ts'
import { type AwsScaling, startAwsScaling } from '../local/aws-scaling.ts'
import { names, secrets } from '../local/stack-env.ts'

const group = 'video-workers'
const credentials = { accessKeyId: 'local', secretAccessKey: 'local' }
const program = fileURLToPath(new URL('../../deploy/backlog/main.ts', import.meta.url))
/** In production once a minute; everything here is faster by about that. */
const publishSeconds = 2
const reconcileMs = 5000
/** One round of the reconciler; a bucket in bad weather may not let it end. */
const roundMs = 20_000
/** Each so many rounds it walks through the bucket as well. */
const walkEvery = 4

/** Looks of the last round, a second apart: what stood at all of them is believed. */
const lastLooks = 5

/** Production's patience, as much shorter as leases and back-offs are. Nobody's memory ends during the storm. */
const hasty: Partial<Limits> = {
  ...{ settleSeconds: 2, standsSeconds: 8, stalledSeconds: 40, againSeconds: 20, leftSeconds: 120 },
}
/** Two weeks later: what is left of the storm is as old as anything needs to be. */
const late: Partial<Limits> = {
  ...{ settleSeconds: 1, standsSeconds: 2, stalledSeconds: 1, againSeconds: 1, leftSeconds: 1 },
  ...{ forgottenSeconds: 2, lookGapSeconds: 20 },
}

export interface Keepers {
  readonly aws: AwsScaling
  /** What was repaired so far, by finding. */
  readonly repaired: Readonly<Record<string, number>>
  /** Ends that nobody ordered. */
  readonly surprises: readonly string[]
  setInService(count: number): void
  /** One thorough round when all is quiet, with the patience of two weeks behind it; resolves what it repaired. */
  afterwards(signal: AbortSignal): Promise<string[]>
  /** May be called again. */
  close(): Promise<void>
}

export async function startKeepers(fleet: Fleet, redisPort: number): Promise<Keepers> {
  const { stack } = fleet
  const redis = { REDIS_PORT: String(redisPort) }
  const aws = await startAwsScaling()
  const surprises: string[] = []
  const repaired: Record<string, number> = {}
  const publisher = startPublisher(fleet, aws, redis, (how) => surprises.push(`the publisher: ${how}`))
  const config = loadConfig(stack.env(redis))
  const open = (limits: Partial<Limits>) => openWorld(config, fleet.signal, { credentials, limits })
  const world = await open(hasty)

  async function round(of: OpenWorld, only: readonly Area[], signal: AbortSignal): Promise<string[]> {
    const found = await findings(of, { signal, only })
    const done = await repair(found, of, { signal, dryRun: false })
    const codes = done.filter(({ result }) => result === 'repaired').map(({ finding }) => finding.code)
    for (const code of codes) repaired[code] = (repaired[code] ?? 0) + 1
    return codes
  }
  let rounds = 0
  let closing: Promise<void> | undefined
  const reconciling = every(
    reconcileMs,
    () => {
      rounds += 1
      return round(
        world,
        rounds % walkEvery === 0 ? areas : ['jobs', 'counters'],
        AbortSignal.timeout(roundMs),
      )
    },
    // In this weather it may not learn what it needs: the next round does.
    { signal: fleet.signal, onError: () => {} },
  )
  return {
    ...{ aws, repaired, surprises },
    setInService: (count) => void aws.groups.set(group, Array<string>(count).fill('InService')),
    async afterwards(signal) {
      const patient = await open(late)
      try {
        // What stands must have been looked at for as long as the limits say.
        const codes: string[] = []
        for (let look = 0; look < lastLooks; look++) {
          codes.push(
            ...(await insistent(() => round(patient, look === 0 ? ['counters'] : areas, signal), signal)),
          )
          await sleep(1000, { signal })
        }
        return codes
      } finally {
        patient.close()
      }
    },
    close() {
      closing ??= (async () => {
        reconciling.stop()
        await publisher.stop()
        world.close()
        await aws.close()
      })()
      return closing
    },
  }
}

/** The publisher and the other rounds repair too, one at a time. */
async function insistent<T>(ask: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (;;) {
    try {
      return await ask()
    } catch (error) {
      if (asWorkerError(error).code !== 'reconcile_busy') throw error
      await sleep(200, { signal })
    }
  }
}

function startPublisher(
  { stack, dir }: Fleet,
  aws: AwsScaling,
  redis: Record<string, string>,
  onSurprise: (how: string) => void,
): { stop(): Promise<void> } {
  const { AWS_ACCESS_KEY_ID = '', AWS_SECRET_ACCESS_KEY = '', REDIS_HOST = '' } = stack.env()
  const { PATH = '', HOME = '' } = process.env
  const log = openSync(join(dir, 'publisher.log'), 'a')
  const child = spawn(process.execPath, [program, '--every', String(publishSeconds)], {
    stdio: ['ignore', log, log],
    env: {
      ...{ PATH, HOME, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, REDIS_HOST, ...redis },
      VIDEO_BACKLOG_API_INTERNAL: `${stack.api.baseUrl}/api/v1/internal/video/backlog-count/`,
      ...{ LAMBDA_INTERNAL_API_KEY: secrets.internalKey, AUTO_SCALING_GROUP_NAME: group },
      ...{ VIDEO_SQS_QUEUE_NAME: names.queue, AWS_REGION: names.region },
      AWS_ENDPOINT_URL_SQS: stack.sqs.endpoint,
      ...{ AWS_ENDPOINT_URL_CLOUDWATCH: aws.endpoint, AWS_ENDPOINT_URL_AUTO_SCALING: aws.endpoint },
      ...{ BACKLOG_SETTLE_SECONDS: '2', BACKLOG_DRIFT_SECONDS: '6', AWS_EC2_METADATA_DISABLED: 'true' },
    },
  })
  closeSync(log)
  let isStopping = false
  const ended = once(child, 'exit').then(([code, signal]) => {
    if (!isStopping) onSurprise(signal ?? `exit code ${code}`)
  })
  return {
    async stop() {
      isStopping = true
      child.kill('SIGTERM')
      await ended
    },
  }
}
