import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { makeClip, makeRecording } from './clips.ts'
import { type Fleet, type FleetWorker, openFleet } from './harness.ts'
import { readTree } from './tree.ts'

// The second product: an upload under videos/ sends an S3 event, and nobody sends a job.
let fleet: Fleet
let worker: FleetWorker
let clip: string
beforeAll(async () => {
  fleet = await openFleet()
  clip = await makeClip(fleet.dir, 'plain.mp4')
  // Two slots: two uploads at once are worked on at once.
  worker = fleet.start('films', { WORKER_CONCURRENCY: '2' })
  await worker.logged((line) => line.msg === 'worker is up')
})
afterAll(() => fleet?.close())

const upload = (key: string) =>
  fleet.stack.storage.putFile(key, clip, { contentType: 'video/mp4', signal: fleet.signal })
const done = (slug: string) =>
  worker.logged((line) => line.msg === 'job settled' && line.slug === slug && line.outcome === 'done')
const calls = (name: string) => fleet.stack.api.calls.filter((call) => call.name === name)

describe('an upload to the catalogue', () => {
  test('is packaged, its content is upserted and its asset is told, with s3 addresses', async () => {
    await upload('videos/42_my-movie-title.mp4')
    const settled = await done('my-movie-title')
    expect(settled).toMatchObject({ content: '42', attempt: 1 })
    const content = fleet.stack.api.calls.find((call) => call.body.title === 'My Movie Title')
    expect(content?.body).toEqual({
      ...{ title: 'My Movie Title', description: 'Uploaded video: my-movie-title', age_rating: 'ALL' },
    })
    const asset = fleet.stack.api.calls.find((call) => call.body.hls_url !== undefined)!.body
    const bucket = fleet.stack.s3.bucket
    expect(asset).toEqual({
      video_url: `s3://${bucket}/videos/42_my-movie-title.mp4`,
      thumbnail_url: `s3://${bucket}/thumbnails/42_my-movie-title.jpg`,
      hls_url: expect.stringMatching(`^s3://${bucket}/hls/42/[0-9a-f-]{36}/master.m3u8$`),
      duration: 8,
    })
    expect(await fleet.stack.storage.head('thumbnails/42_my-movie-title.jpg', fleet.signal)).toBeDefined()
    const master = String(asset.hls_url).slice(`s3://${bucket}/`.length)
    expect(await readTree(fleet.stack.storage, master, fleet.signal)).toMatchObject({
      missing: [],
      unreferenced: [],
    })
  })

  test('without a content id gets one from the API', async () => {
    await upload('videos/holiday.mp4')
    await done('holiday')
    const assets = fleet.stack.api.calls.filter((call) =>
      String(call.body.video_url).endsWith('videos/holiday.mp4'),
    )
    expect(assets).toHaveLength(1)
    const id = /hls\/(\d+)\//.exec(String(assets[0]!.body.hls_url))?.[1]
    expect(Number(id)).toBeGreaterThan(0)
    expect(assets[0]!.body.thumbnail_url).toContain(`thumbnails/${id}_holiday.jpg`)
  })

  test('of sound alone has a picture all the same: the catalogue asks for one', async () => {
    const [key, path] = ['videos/55_reading.wav', await makeRecording(fleet.dir, 'studio.wav')]
    await fleet.stack.storage.putFile(key, path, { contentType: 'audio/wav', signal: fleet.signal })
    await done('reading')
    const asset = fleet.stack.api.calls.find((call) => String(call.body.video_url).endsWith(key))!.body
    expect(asset).toMatchObject({ thumbnail_url: expect.stringMatching(/55_reading\.jpg$/), duration: 3 })
    expect(await fleet.stack.storage.head('thumbnails/55_reading.jpg', fleet.signal)).toBeDefined()
  })

  test('with a name in another script and with spaces is found under its own key', async () => {
    await upload('videos/7_강의 첫째 주+1.mp4')
    const settled = await worker.logged((line) => line.msg === 'job settled' && line.content === '7')
    expect(settled.outcome).toBe('done')
  })

  test('of two at once uses both slots', async () => {
    await Promise.all([upload('videos/101_one.mp4'), upload('videos/102_two.mp4')])
    await Promise.all([done('one'), done('two')])
    const started = worker
      .log()
      .filter((line) => line.msg === 'job started' && /^10[12]$/.test(String(line.content)))
    const firstEnd = worker
      .log()
      .find((line) => line.msg === 'job settled' && /^10[12]$/.test(String(line.content)))!
    expect(started).toHaveLength(2)
    for (const line of started) expect(Date.parse(line.time)).toBeLessThanOrEqual(Date.parse(firstEnd.time))
  })

  test('leaves the queue empty and no backlog of any tenant', async () => {
    await fleet.until('the queue is empty', async () => {
      const { waiting, inFlight, delayed, dead } = await fleet.stack.queueCounts()
      return waiting + inFlight + delayed + dead === 0
    })
    expect(await fleet.stack.redisClient.keys('tenant:*')).toEqual([])
    expect(calls('complete')).toEqual([])
  })
})

test('without an API address the rest of the job is done, with one warning', async () => {
  await fleet.stopWorkers()
  const alone = fleet.start('alone', { CATALOG_API_BASE: undefined, INTERNAL_TOKEN: undefined })
  await upload('videos/55_quiet.mp4')
  await alone.logged((line) => line.msg === 'job settled' && line.slug === 'quiet' && line.outcome === 'done')
  const warnings = alone
    .log()
    .filter((line) => String(line.msg).includes('CATALOG_API_BASE') && line.content === '55')
  expect(warnings).toHaveLength(1)
  expect(await fleet.stack.storage.head('thumbnails/55_quiet.jpg', fleet.signal)).toBeDefined()
})
