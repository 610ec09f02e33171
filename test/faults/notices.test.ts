import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { writeDrainRequest } from '../../shared/drain-request.ts'
import { drainAllRequest, drainRequest, interruptKey } from '../../shared/keys.ts'
import { makeLongClip } from '../fleet/clips.ts'
import { type Fleet, type FleetWorker, openFleet } from '../fleet/harness.ts'
import { type FakeInstance, startInstance } from './instance.ts'
import { toolsOf } from './processes.ts'
import { expectKept, line, midEncode, sendJob, settled } from './promises.ts'
import { atEachStage, threeSlots } from './stages.ts'

const tenantId = 31
/** Of a drain, 30 s are for handing back: what can end within two more may. */
const drain = { DRAIN_SECONDS: '32' }

let fleet: Fleet
let clip: string
let videoId = 0
const instances: FakeInstance[] = []
beforeAll(async () => {
  fleet = await openFleet()
  // Four chunks, of which the last three are time enough to meet an encoder.
  clip = await makeLongClip(fleet.dir, 16, '320x180')
})
afterEach(async () => {
  await fleet.stopWorkers()
  fleet.stack.s3.faults.clear()
  await fleet.stack.redisClient.del(interruptKey)
  await Promise.all(instances.splice(0).map((instance) => instance.close()))
})
afterAll(() => fleet?.close())

async function startOn(name: string, env: Record<string, string> = {}) {
  const instance = await startInstance()
  instances.push(instance)
  const worker = fleet.start(name, { ...instance.env, ...drain, ...env })
  await worker.logged((each) => each.msg === 'worker is up')
  return { ...instance, worker: { ...worker, name: instance.id } }
}
const send = () => {
  videoId += 1
  return sendJob(fleet, clip, { tenantId, videoId })
}
const said = (worker: FleetWorker, msg: string) => worker.log().filter((each) => each.msg === msg)
const actions = ({ asg }: FakeInstance, name: string) => asg.calls.filter(({ action }) => action === name)
const interrupted = async () => (await fleet.stack.redisClient.exists(interruptKey)) === 1

test('a Spot notice hands every job back at whatever stage, within the deadline, and another worker ends them', async () => {
  const spot = await startOn('spot', threeSlots)
  const { worker, asg, imds, id } = spot
  videoId += 3
  const { all, letGo } = await atEachStage(fleet, worker, clip, { tenantId, videoId: videoId - 2 })
  expect([asg.isProtected(id), actions(spot, 'SetInstanceProtection').length]).toEqual([true, 1])
  // A job that was claimed before it was counted is taken out at its next beat.
  await fleet.until('no job waits', async () => (await fleet.stack.backlog(tenantId)) === 0)
  const status = async () => (await (await fetch(`${await worker.address()}/status`)).json()) as object
  expect(await status()).toMatchObject({
    host: { instance: id, group: 'video-workers', protection: 'protected', notice: null },
  })

  imds.forgetTokens()
  imds.reclaim(120)
  const told = await worker.logged((each) => each.msg === 'notice to leave')
  expect(told).toMatchObject({
    level: 'warn',
    source: 'spot',
    reason: expect.stringContaining('terminate at 2'),
  })
  // Still held by its hook: the pages tell of the notice.
  expect(await status()).toMatchObject({ state: 'draining', host: { notice: { source: 'spot' } } })
  const ready = await fetch(`${await worker.address()}/readyz`)
  expect([ready.status, await ready.json()]).toMatchObject([503, { ready: false, notice: 'spot' }])

  expect(await worker.ended).toBe('exit code 0')
  // At once: nothing waits for a visibility to end, and nothing has spent an attempt.
  expect(await fleet.stack.queueCounts()).toEqual({ waiting: 3, inFlight: 0, delayed: 0, dead: 0 })
  expect(await fleet.stack.backlog(tenantId)).toBe(3)
  for (const job of all) await settled(worker, job, 'released')
  const drained = await worker.logged((each) => each.msg === 'drained')
  expect(drained.how).toBe('clean')
  expect(drained.seconds).toBeLessThan(32)
  expect(await toolsOf([id])).toEqual([])
  expect(await readdir(join(fleet.dir, 'scratch'))).toEqual([])
  expect([await interrupted(), asg.isProtected(id)]).toEqual([true, false])
  expect(said(worker, 'notice to leave')).toHaveLength(1)
  // Once for each look that was on its way: for a notice of Spot, and for one of the group.
  const renewed = said(worker, 'the instance metadata refused the token (401): renewed')
  expect(new Set(renewed.map(({ level }) => level))).toEqual(new Set(['warn']))

  letGo()
  const next = fleet.start('successor', threeSlots)
  for (const job of all) {
    await settled(next, job, 'done')
    expect(await line(next, job, 'job started')).toMatchObject({ failures: 0, crashes: 0, releases: 1 })
  }
  const jobs = all.map((job) => ({ job, end: 'complete' as const }))
  await expectKept(fleet, { jobs, workers: [id, 'successor'] })
})

test('a scale-in spares a busy instance; one that is terminated drains, and lets go of its hook after that', async () => {
  const busy = await startOn('terminated', { CHUNK_SECONDS: '4', HLS_TIME_SECONDS: '2', FANOUT: 'never' })
  const { worker, asg, id } = busy
  const job = await send()
  await midEncode(fleet, worker, job)
  expect(asg.scaleIn(id)).toBe(false)

  asg.terminate(id)
  expect(await worker.logged((each) => each.msg === 'notice to leave')).toMatchObject({ source: 'lifecycle' })
  await worker.logged((each) => each.msg === 'drained')
  expect(await worker.ended).toBe('exit code 0')
  await settled(worker, job, 'released')
  expect(asg.state(id)).toBe('Terminating:Proceed')
  expect(actions(busy, 'RecordLifecycleActionHeartbeat').length).toBeGreaterThan(0)
  const order = worker.log().map(({ msg }) => msg)
  expect(order.indexOf('lifecycle action completed')).toBeGreaterThan(order.indexOf('drained'))
  // An orderly scale-in is no interruption to the product.
  expect(await interrupted()).toBe(false)

  const next = fleet.start('heir', { FANOUT: 'never', CHUNK_SECONDS: '4', HLS_TIME_SECONDS: '2' })
  await settled(next, job, 'done')
  await expectKept(fleet, { jobs: [{ job, end: 'complete' }], workers: [id, 'heir'] })
})

test('a job that cannot be protected goes back where the instance is leaving, and runs where nobody answers', async () => {
  // Its looks come too seldom to see the termination before the job does.
  const leaving = await startOn('refused', { NOTICE_POLL_SECONDS: '5' })
  leaving.asg.terminate(leaving.id)
  const job = await send()
  expect(await leaving.worker.ended).toBe('exit code 0')
  expect(said(leaving.worker, 'job started')).toEqual([])
  expect(leaving.asg.state(leaving.id)).toBe('Terminating:Proceed')
  // One that starts there now takes nothing at all, and lets go as well.
  leaving.asg.add(leaving.id, 'Terminating:Wait')
  const late = fleet.start('late', leaving.env)
  expect(await late.ended).toBe('exit code 0')
  expect(late.text()).toContain('stopped at boot (Auto Scaling terminates the instance)')
  expect(leaving.asg.state(leaving.id)).toBe('Terminating:Proceed')
  expect(await fleet.stack.queueCounts()).toMatchObject({ waiting: 1, inFlight: 0 })

  // Nothing is received before Auto Scaling is deaf to it.
  const release = fleet.holdQueue()
  const mute = await startOn('unheard', { SCALE_IN_IDLE_SECONDS: '3600' })
  const times = Number.POSITIVE_INFINITY
  const denied = { status: 403, code: 'AccessDenied', times }
  mute.asg.faults.failNext({ operation: 'SetInstanceProtection' }, denied)
  release()
  await settled(mute.worker, job, 'done')
  expect(said(mute.worker, 'scale-in protection cannot be changed: it is tried again')).toHaveLength(1)
  await expectKept(fleet, { jobs: [{ job, end: 'complete' }], workers: [leaving.id, mute.id] })
})

describe('on a laptop', () => {
  test('the metadata is looked for once; an operator drains one worker, then all', async () => {
    const laptop = { ...drain, NOTICE_POLL_SECONDS: '0.2', AWS_EC2_METADATA_DISABLED: undefined }
    const nowhere = { ...laptop, AWS_EC2_METADATA_SERVICE_ENDPOINT: 'http://127.0.0.1:9' }
    const { redisClient } = fleet.stack
    // Somebody's request of an hour ago is not for those who start now.
    await redisClient.set(drainRequest('stays'), writeDrainRequest('ann', Date.now() - 3600_000))
    const [goes, stays] = [fleet.start('goes', nowhere), fleet.start('stays', nowhere)]
    for (const worker of [goes, stays]) await worker.logged((each) => each.msg === 'worker is up')

    await redisClient.set(drainRequest('goes'), writeDrainRequest('ann', Date.now()))
    expect(await goes.ended).toBe('exit code 0')
    expect(said(goes, 'notice to leave')).toMatchObject([{ source: 'operator', level: 'warn' }])
    const host = (await (await fetch(`${await stays.address()}/status`)).json()) as object
    expect(host).toMatchObject({
      state: 'running',
      host: { instance: null, protection: 'off', notice: null },
    })

    await redisClient.set(drainAllRequest, writeDrainRequest('ann', Date.now()))
    expect(await stays.ended).toBe('exit code 0')
    expect(await interrupted()).toBe(false)
    const lines = stays.log().filter(({ msg }) => msg.startsWith('instance metadata'))
    expect(lines).toMatchObject([{ level: 'info', msg: expect.stringContaining('no answer (ECONNREFUSED)') }])
    await redisClient.del(drainRequest('stays'), drainRequest('goes'), drainAllRequest)
  })
})

test('with a rebalance recommendation a long job goes elsewhere once; whoever gets it again keeps it', async () => {
  const { worker, imds, id } = await startOn('rebalanced', {
    CHUNK_SECONDS: '4',
    HLS_TIME_SECONDS: '2',
    FANOUT: 'never',
  })
  imds.set('events/recommendations/rebalance', '{"noticeTime":"2026-02-03T08:22:00Z"}')
  await worker.logged((each) => each.msg.startsWith('rebalance recommendation'))
  const job = await send()
  await settled(worker, job, 'released')
  const why = await line(worker, job, 'job ended without a result')
  expect(why.err).toMatchObject({ code: 'leaving_soon' })
  await settled(worker, job, 'done')
  expect(await line(worker, job, 'job started', { attempt: 2 })).toMatchObject({ failures: 0, crashes: 0 })
  await expectKept(fleet, { jobs: [{ job, end: 'complete' }], workers: [id] })
})
