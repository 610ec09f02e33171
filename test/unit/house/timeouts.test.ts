/**
 * Every timeout on the way of a stop or of a lease, compared (lessons 17 and 20): each one alone looks right,
 * and together they lost jobs. The numbers are read from where they are used.
 */
import { createRequire } from 'node:module'
import { describe, expect, test } from '@jest/globals'
import { loadConfig } from '../../../shared/config.ts'
import { readSource } from './sources.ts'

const required = {
  API_BASE_URL: 'http://127.0.0.1:1',
  INTERNAL_WORKER_TOKEN: 'token',
  R2_ENDPOINT: 'http://127.0.0.1:1',
  R2_ACCESS_KEY: 'key',
  R2_SECRET_KEY: 'secret',
  R2_BUCKET: 'bucket',
  REDIS_HOST: '127.0.0.1',
  VIDEO_SQS_QUEUE_NAME: 'academy-video-jobs',
  AWS_REGION: 'ap-northeast-2',
}
const config = loadConfig(required)
const { lease, drainSeconds: drain } = config

/** Spot gives this long from notice to reclaim; what is not done 20 s before it may not be done at all. */
const spotSeconds = 120
const spotMarginSeconds = 20
/** From the drain's end to the exit: goodbye to the hook, the API and Redis, each bounded. */
const lastWordsSeconds = 15
/** Auto Scaling takes no shorter hook. */
const shortestHookSeconds = 30

/** Files of the host: the units that run a worker, and the script that one of them runs. */
const units = ['video-worker@.service', 'video-worker-container@.service']
const hostFile = (name: string) => readSource(`deploy/host/${name}`).text
const directive = (name: string, key: string) =>
  Number(new RegExp(`^${key}=(\\d+)$`, 'm').exec(hostFile(name))?.[1])

describe('a stop', () => {
  const { apps } = createRequire(import.meta.url)('../../../ecosystem.config.cjs')

  test('by pm2 leaves time for the drain and the last words, and reaches the worker alone', () => {
    expect(apps[0].kill_timeout / 1000).toBeGreaterThan(drain + lastWordsSeconds)
    expect(apps[0]).toMatchObject({ interpreter: 'node', treekill: false })
    expect(apps[0]).not.toHaveProperty('max_memory_restart')
  })

  test('by pm2 is over before a Spot reclaim', () => {
    expect(apps[0].kill_timeout / 1000).toBeLessThan(spotSeconds)
  })

  test('by pm2 or systemd is not waited for before the boot of a worker can have failed', () => {
    // Bucket and queue are waited for one after the other, and then the queue's attributes.
    const boot = 3 * config.bootWaitSeconds
    for (const name of units) expect(directive(name, 'TimeoutStartSec')).toBeGreaterThan(boot)
    // pm2 goes on watching behind it.
    expect(apps[0].listen_timeout / 1000).toBeGreaterThan(config.bootWaitSeconds)
  })

  test.each(units)(
    'by systemd (%s) leaves time for the drain and the last words, and is over before a Spot reclaim',
    (name) => {
      const stop = directive(name, 'TimeoutStopSec')
      expect(stop).toBeGreaterThan(drain + lastWordsSeconds)
      expect(stop).toBeLessThan(spotSeconds)
      expect(hostFile(name)).toMatch(/^KillMode=mixed$/m)
    },
  )

  test('by docker leaves time for the drain and the last words, and is over before systemd loses patience', () => {
    const docker = Number(/^stop_seconds=(\d+)$/m.exec(hostFile('run-container.sh'))?.[1])
    expect(docker).toBeGreaterThan(drain + lastWordsSeconds)
    expect(docker).toBeLessThan(directive('video-worker-container@.service', 'TimeoutStopSec'))
  })

  test.each(units)('by the watchdog (%s) comes when the lease is lost anyway, and may hand back', (name) => {
    expect(directive(name, 'WatchdogSec')).toBeGreaterThanOrEqual(lease.visibilitySeconds)
    expect(hostFile(name)).toMatch(/^WatchdogSignal=SIGTERM$/m)
  })

  test('of a unit that asks for more time asks for the drain and the last words', () => {
    expect(numberOf('worker/server/service-manager.ts', 'lastWordsSeconds')).toBe(lastWordsSeconds)
  })

  test('by a Spot notice is over with a margin, however late in its interval the notice is seen', () => {
    const { pollSeconds } = config.notices
    expect(pollSeconds + drain).toBeLessThanOrEqual(spotSeconds - spotMarginSeconds)
    expect(numberOf('worker/notices/spot.ts', 'marginSeconds')).toBe(spotMarginSeconds)
    // A look that hangs is over before the next one is due: two questions, each with a token.
    expect((2 * numberOf('shared/metadata.ts', 'answerMs')) / 1000).toBeLessThanOrEqual(pollSeconds)
  })

  test('by a Spot notice that is seen too late still has time to hand back', () => {
    const least = numberOf('worker/notices/spot.ts', 'leastSeconds')
    expect(least).toBeLessThan(spotMarginSeconds)
    expect(numberOf('worker/drain.ts', 'lastSeconds')).toBeLessThan(least)
  })

  test('has time for an open poll and the hand-back behind what may finish', () => {
    const handBack = numberOf('worker/drain.ts', 'handBackSeconds')
    const last = numberOf('worker/drain.ts', 'lastSeconds')
    expect(handBack).toBeGreaterThan(config.queue.waitSeconds + last)
    expect(numberOf('worker/settle.ts', 'handBackMs') / 1000).toBeLessThan(last)
  })

  test('says its last words within their time, and before the shortest hook ends', () => {
    const words = numberOf('worker/notices/lifecycle.ts', 'lastWordsMs') / 1000
    expect(words).toBeLessThan(lastWordsSeconds)
    expect(numberOf('worker/notices/protection.ts', 'waitMs') / 1000).toBeLessThan(lastWordsSeconds)
    const margin = numberOf('worker/notices/lifecycle.ts', 'marginSeconds')
    expect(margin).toBeGreaterThan(words + config.notices.pollSeconds)
    expect(margin).toBeLessThan(shortestHookSeconds)
  })

  test('by a request of an operator stands long enough for every worker to see it', () => {
    const stands = numberOf('shared/drain-request.ts', 'drainRequestSeconds')
    expect(stands).toBeGreaterThan(10 * config.notices.pollSeconds)
  })
})

describe('a lease', () => {
  const beatLimit = numberOf('worker/lease.ts', 'beatLimitMs') / 1000
  const retry = numberOf('worker/lease.ts', 'retryMs') / 1000

  test('outlives two beats that fail, each at its limit, before the job is stopped for lack of slack', () => {
    const third = lease.beatSeconds + 2 * (beatLimit + retry)
    expect(third + beatLimit).toBeLessThan(lease.visibilitySeconds - lease.minSlackSeconds)
  })

  test('has time for two tries to the queue in one beat', () => {
    expect(2 * numberOf('shared/queue.ts', 'leaseMs')).toBeLessThan(
      numberOf('worker/lease.ts', 'beatLimitMs'),
    )
  })

  test('is given up early enough to kill ffmpeg and stop the uploads before somebody else may start', () => {
    expect(lease.minSlackSeconds).toBeGreaterThanOrEqual(10)
    expect(lease.minSlackSeconds).toBeGreaterThan(beatLimit)
  })

  test('outlives the wait for a protection from scale-in, which comes before its first beat', () => {
    const wait = numberOf('worker/notices/protection.ts', 'waitMs') / 1000
    // One job waits for the change that is under way and for its own.
    expect(2 * wait).toBeLessThan(lease.visibilitySeconds - lease.minSlackSeconds - beatLimit)
  })

  test('is never asked for beyond the 12 hours that SQS allows', () => {
    expect(lease.maxSeconds + lease.visibilitySeconds).toBeLessThanOrEqual(12 * 3600)
  })

  test('of a hung job is let go of only after the job had its whole drain to end', () => {
    expect(numberOf('worker/lease.ts', 'stopGraceMs') / 1000).toBeGreaterThan(drain)
  })
})

describe('a call to the outside', () => {
  test('of one long poll waits longer than the poll itself', () => {
    expect(numberOf('shared/queue.ts', 'pollMs') / 1000).toBeGreaterThan(config.queue.waitSeconds)
  })

  test('to the API, with all its tries and waits, ends within the stage that makes it', () => {
    const { tries, timeoutSeconds, backoffCapSeconds } = config.api
    expect(tries * (timeoutSeconds + backoffCapSeconds)).toBeLessThan(config.stall.stageSeconds)
  })

  test('of ffprobe ends within its stage', () => {
    expect(config.ffmpeg.probeTimeoutSeconds).toBeLessThan(config.stall.stageSeconds)
  })

  test('of ffprobe that waits for a silent bucket is known as that well before its limit', () => {
    const silent = numberOf('worker/job/plan.ts', 'silentBucketMs') / 1000
    expect(2 * silent).toBeLessThan(config.ffmpeg.probeTimeoutSeconds)
    expect(silent * 1000).toBeGreaterThanOrEqual(numberOf('shared/storage-client.ts', 'defaultStallMs'))
  })

  test('to the bucket that hangs is tried again several times before the read of the source is given up', () => {
    const stall = numberOf('shared/storage-client.ts', 'defaultStallMs')
    expect(3 * stall).toBeLessThan(numberOf('worker/job/source.ts', 'defaultPatienceMs'))
  })

  test('to the bucket is given up before the encoder that waits for it counts as hung', () => {
    expect(numberOf('worker/job/source.ts', 'defaultPatienceMs') / 1000).toBeLessThan(
      config.stall.encodeSeconds,
    )
  })
})

test('the heartbeat key of 60 s outlives two heartbeats that fail', () => {
  expect(3 * config.api.heartbeatSeconds).toBeLessThanOrEqual(60)
})

test('a back-off never makes a message wait longer than SQS can', () => {
  expect(config.job.backoffCapSeconds).toBeLessThanOrEqual(12 * 3600)
})

/** The value of `const name = 12_000` in a file. */
function numberOf(path: string, name: string): number {
  const match = new RegExp(`const ${name} = ([\\d_]+)`).exec(readSource(path).code)
  if (match?.[1] === undefined) throw new Error(`${path} has no constant ${name}`)
  return Number(match[1].replaceAll('_', ''))
}
