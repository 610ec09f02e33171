import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { Outcome } from '../local/stack.ts'
import { type ClipName, clips, makeClip } from './clips.ts'
import { type Fleet, type FleetWorker, openFleet } from './harness.ts'
import { readTree } from './tree.ts'

// The issue's own test: ten videos of different kinds, two workers, the whole stack.
const names = Object.keys(clips) as ClipName[]
const tenantId = 5

let fleet: Fleet
let workers: FleetWorker[]
const outcomes = new Map<ClipName, Outcome>()
const sources = new Map<ClipName, string>()

beforeAll(async () => {
  fleet = await openFleet()
  const { stack } = fleet
  for (const [index, name] of names.entries()) {
    const fileKey = await stack.upload(await makeClip(fleet.dir, name), { tenantId, name })
    sources.set(name, fileKey)
    const jobId = await stack.sendJob({ tenantId, videoId: index + 1, fileKey })
    void stack.waitFor(jobId, { signal: fleet.signal }).then(
      (outcome) => outcomes.set(name, outcome),
      () => undefined,
    )
  }
  expect(await stack.backlog(tenantId)).toBe(names.length)
  workers = ['one', 'two'].map((name) => fleet.start(name))
  await fleet.until('all ten ended', () => outcomes.size === names.length, 600)
  await fleet.until('both workers idle', () => settled().length === names.length)
}, 900_000)
afterAll(() => fleet?.close())

const settled = () => workers.flatMap((worker) => worker.log().filter((line) => line.msg === 'job settled'))

describe('ten videos and two workers', () => {
  test('end in ten complete callbacks, one each', () => {
    expect([...outcomes].filter(([, outcome]) => outcome.kind !== 'complete')).toEqual([])
    const calls = fleet.stack.api.calls.filter((call) => call.name === 'complete' && call.status === 200)
    expect(new Set(calls.map((call) => call.jobId)).size).toBe(names.length)
    expect(calls).toHaveLength(names.length)
  })

  test('share the work', () => {
    expect(workers.map((worker) => worker.log().some((line) => line.msg === 'job settled'))).toEqual([
      true,
      true,
    ])
  })

  test('leave the backlog at zero, the queue and the dead-letter queue empty', async () => {
    expect(await fleet.stack.backlog(tenantId)).toBe(0)
    expect(await fleet.stack.queueCounts()).toEqual({ waiting: 0, inFlight: 0, delayed: 0, dead: 0 })
  })

  test.each(names)(
    '%s: everything a playlist names is there, and nothing else but the documented extras',
    async (name) => {
      const tree = await readTree(
        fleet.stack.storage,
        String(outcomes.get(name)!.body.hls_path),
        fleet.signal,
      )
      expect(tree.missing).toEqual([])
      expect(tree.unreferenced).toEqual([])
      expect(tree.objects).toBeGreaterThan(5)
    },
  )

  test.each(names)('%s: its thumbnail and storyboard are there, and its status says READY', async (name) => {
    const { body, videoId } = outcomes.get(name)!
    const { storage, redisClient } = fleet.stack
    expect(await storage.head(String(body.thumbnail_path), fleet.signal)).toMatchObject({
      bytes: expect.any(Number),
    })
    expect(await storage.getText(String(body.storyboard_path), fleet.signal)).toContain('#xywh=')
    const status = JSON.parse((await redisClient.get(`tenant:${tenantId}:video:${videoId}:status`))!)
    expect(status).toEqual({ status: 'READY', hls_path: body.hls_path, duration: body.duration })
    const progress = JSON.parse((await redisClient.get(`tenant:${tenantId}:video:${videoId}:progress`))!)
    expect(progress).toMatchObject({ step: 'done', percent: 100 })
    expect(await redisClient.exists(`tenant:${tenantId}:video:${videoId}:heartbeat`)).toBe(0)
  })

  test('show no viewer half a video: each master is written last, under a key of its own job', () => {
    const written = fleet.stack.s3.requests.filter(({ method }) => method === 'PUT').map(({ key }) => key)
    for (const { jobId, body } of outcomes.values()) {
      const master = String(body.hls_path)
      expect(master).toContain(`/${jobId}/master.m3u8`)
      expect(written.filter((key) => key.includes(`/${jobId}/`)).at(-1)).toBe(master)
      expect(written.filter((key) => key === master)).toHaveLength(1)
    }
  })

  test('leave the sources where they were', async () => {
    for (const key of sources.values())
      expect(await fleet.stack.storage.head(key, fleet.signal)).toBeDefined()
  })

  test('are told in one line a state change, with job, video, tenant, attempt and receive count', () => {
    for (const line of settled()) {
      expect(line).toMatchObject({ tenant: tenantId, attempt: 1, receiveCount: 1, outcome: 'done' })
      expect(line).toEqual(expect.objectContaining({ job: expect.any(String), video: expect.any(Number) }))
    }
  })

  test('put no secret and no signed address into the log', () => {
    const { INTERNAL_WORKER_TOKEN: token, R2_SECRET_KEY: secret } = fleet.stack.env()
    const text = workers.flatMap((worker) => worker.log().map((line) => JSON.stringify(line))).join('\n')
    expect(token!.length * secret!.length).toBeGreaterThan(0)
    expect(text).not.toContain(token)
    expect(text).not.toContain(secret)
    expect(text).not.toContain('X-Amz-Signature')
  })
})
