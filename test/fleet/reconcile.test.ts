import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import { loadConfig } from '../../shared/config.ts'
import { backlogKey, jobRecordKey } from '../../shared/keys.ts'
import { findings } from '../../shared/reconcile/find.ts'
import { repair } from '../../shared/reconcile/repair.ts'
import { watch } from '../../shared/reconcile/watch.ts'
import { type OpenWorld, openWorld } from '../../shared/reconcile/world.ts'
import { names } from '../local/stack-env.ts'
import { makeLongClip } from './clips.ts'
import { type Fleet, openFleet } from './harness.ts'

// What the reconciler sends again is work that a real worker can finish: messages are lost for good here.
const tenantId = 21

/** A killed worker's lease is soon over, and a job counts as lost when nothing happened to it for a second. */
const mortal = {
  ...{ LEASE_VISIBILITY_SECONDS: '8', LEASE_BEAT_SECONDS: '2', LEASE_MIN_SLACK_SECONDS: '2' },
  ...{ CHUNK_SECONDS: '2', HLS_TIME_SECONDS: '2', FANOUT_LOST_SECONDS: '3' },
}
const limits = { settleSeconds: 0, standsSeconds: 1, stalledSeconds: 1 }

let fleet: Fleet
let clip: string
let world: OpenWorld
beforeAll(async () => {
  fleet = await openFleet()
  clip = await makeLongClip(fleet.dir, 6, '160x90')
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' }
  world = await openWorld(loadConfig(fleet.stack.env()), fleet.signal, { credentials, limits })
})
afterEach(() => fleet.stopWorkers())
afterAll(async () => {
  world?.close()
  await fleet?.close()
})

async function send(videoId: number): Promise<string> {
  const fileKey = await fleet.stack.upload(clip, { tenantId, name: 'a.mp4' })
  return fleet.stack.sendJob({ tenantId, videoId, fileKey })
}
const field = (jobId: string, name: string) => fleet.stack.redisClient.hget(jobRecordKey(jobId), name)

/** Finds and repairs until nothing is left to repair; resolves the codes of what was repaired. */
async function reconcile(): Promise<string[]> {
  await watch(world, { signal: fleet.signal })
  const found = await findings(world, { signal: fleet.signal, only: ['jobs', 'counters'] })
  const done = await repair(found, world, { signal: fleet.signal, dryRun: false })
  return done.filter(({ result }) => result === 'repaired').map(({ finding }) => finding.code)
}

async function expectFinished(jobId: string): Promise<void> {
  const outcome = await fleet.stack.waitFor(jobId, { signal: AbortSignal.timeout(200_000) })
  expect(outcome.kind).toBe('complete')
  await fleet.until('the queue is empty', async () => {
    const { waiting, inFlight } = await fleet.stack.queueCounts()
    return waiting + inFlight === 0
  })
  expect(await fleet.stack.backlog(tenantId)).toBe(0)
  const ends = fleet.stack.api.calls.filter((call) => call.jobId === jobId && call.name === 'complete')
  expect(ends).toHaveLength(1)
}

test('a job whose worker is killed and whose message is lost is finished by the next one', async () => {
  const jobId = await send(1)
  const worker = fleet.start('killed', mortal)
  await worker.logged((line) => line.msg === 'job started' && line.job === jobId)
  worker.kill('SIGKILL')
  await worker.ended
  await fleet.stack.sqs.drain(names.queue)
  // As in the incident: a counter that wants a fleet for an empty queue.
  await fleet.stack.redisClient.set(backlogKey(tenantId), 20)
  await fleet.until('the lease is over', async () => Number(await field(jobId, 'lease_until')) < Date.now())
  await fleet.until('both are repaired', async () => (await reconcile()).includes('counter_drift'))
  expect(await field(jobId, 'crashes')).toBe('1')
  expect(await fleet.stack.backlog(tenantId)).toBe(1)
  fleet.start('heir', mortal)
  await expectFinished(jobId)
})

test('a shared job that lost its parts and its watch is finished, with the parts that were stored', async () => {
  const jobId = await send(2)
  const first = fleet.start('planner', { ...mortal, FANOUT: 'always' })
  await first.logged((line) => line.msg === 'part encoded' && line.job === jobId)
  const letGo = fleet.holdQueue()
  await first.stop()
  await fleet.stack.sqs.drain(names.queue)
  letGo()
  expect(await field(jobId, 'state')).toBe('fanned')
  await fleet.until('its join is sent', async () => (await reconcile()).includes('job_unjoined'))
  const second = fleet.start('finder', { ...mortal, FANOUT: 'always' })
  await expectFinished(jobId)
  const parts = [first, second].map((worker) =>
    worker
      .log()
      .filter((line) => line.msg === 'part encoded' && line.job === jobId)
      .map((line) => line.part),
  )
  // Nothing is encoded twice.
  expect(new Set(parts.flat()).size).toBe(parts.flat().length)
})
