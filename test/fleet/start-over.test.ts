import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import { chunkKey, startedOverKey } from '../../shared/keys.ts'
import type { ChunkManifest } from '../../worker/chunk/ledger.ts'
import { readRecord, writeRecord } from '../../worker/chunk/record.ts'
import { makeClip } from './clips.ts'
import { type Fleet, openFleet } from './harness.ts'
import { readTree } from './tree.ts'

let fleet: Fleet
beforeAll(async () => {
  fleet = await openFleet()
})
afterEach(() => fleet.stopWorkers())
afterAll(() => fleet?.close())

const env = {
  CHUNK_SECONDS: '4',
  HLS_TIME_SECONDS: '2',
  FANOUT: 'never',
  PASSTHROUGH: 'never',
  DRAIN_SECONDS: '5',
}
const json = { contentType: 'application/json' }

/**
 * A job that goes on from a first chunk which says of its first segment that it lasts longer than it does: all of it
 * is there, and only the verification of the whole can see that it does not fit.
 */
async function withWrongChunk(videoId: number) {
  const { stack, signal } = fleet
  // Nothing of the second chunk can be stored: the job stands still behind the first.
  const { remove } = stack.s3.faults.failNext(
    { operation: 'PutObject', key: /\/seg-0000[2-9]|chunk-00001/ },
    { status: 500, times: Number.POSITIVE_INFINITY },
  )
  const first = fleet.start(`first-${videoId}`, env)
  const fileKey = await stack.upload(await makeClip(fleet.dir, 'plain.mp4'), { tenantId: 4, name: 'a.mp4' })
  const jobId = await stack.sendJob({ tenantId: 4, videoId, fileKey })
  const folder = `tenants/4/video/hls/${videoId}/${jobId}/`
  const key = chunkKey(folder, 0, '')
  await fleet.until(
    'the first chunk is done',
    async () => (await stack.storage.head(key, signal)) !== undefined,
  )
  await first.stop()

  const manifest = readRecord<ChunkManifest>((await stack.storage.getText(key, signal)) ?? '')!
  const tracks = Object.fromEntries(
    Object.entries(manifest.tracks).map(([name, { init, segments }]) => [
      name,
      { init, segments: segments.map((each, at) => (at === 0 ? { ...each, seconds: 2.5 } : each)) },
    ]),
  )
  await stack.storage.put(key, writeRecord({ ...manifest, tracks }).text, { ...json, signal })
  remove()
  return { jobId, folder }
}

test('a video that does not pass verification is made once more from scratch, and then published', async () => {
  const { stack, signal } = fleet
  const { jobId } = await withWrongChunk(1)
  const worker = fleet.start('second', env)
  const outcome = await stack.waitFor(jobId, { signal: AbortSignal.timeout(200_000) })
  expect(outcome.kind).toBe('complete')
  const again = worker.log().filter(({ msg }) => msg.startsWith('what was made does not pass'))
  expect(again.map(({ reason }) => reason)).toEqual([expect.stringMatching(/segment 0 lasts 2.5 s/)])
  const master = String(outcome.body.hls_path)
  await fleet.until('the ledger is gone', async () => {
    for await (const _ of stack.storage.list(`${master.replace('master.m3u8', '')}.work/`, signal))
      return false
    return true
  })
  const tree = await readTree(stack.storage, master, signal)
  expect([tree.missing, tree.unreferenced]).toEqual([[], []])
})

test('one that does not pass a second time is reported, and nothing of it can be seen', async () => {
  const { stack, signal } = fleet
  const { jobId, folder } = await withWrongChunk(2)
  await stack.storage.put(startedOverKey(folder), writeRecord({ reason: 'it was short' }).text, {
    ...{ ...json, signal },
  })
  fleet.start('second', env)
  const outcome = await stack.waitFor(jobId, { signal: AbortSignal.timeout(200_000) })
  expect(outcome.kind).toBe('fail')
  expect(outcome.body).toMatchObject({ code: 'output_rejected', retryable: false })
  expect(outcome.body.reason).toMatch(/segment 0 lasts 2.5 s.*it was short/)
  expect(await stack.storage.head(`${folder}master.m3u8`, signal)).toBeUndefined()
})

test('segments that another worker wrote over are made once more, also behind a start from scratch: no fault of the file', async () => {
  const { stack, signal } = fleet
  const fileKey = await stack.upload(await makeClip(fleet.dir, 'plain.mp4'), { tenantId: 4, name: 'a.mp4' })
  const jobId = await stack.sendJob({ tenantId: 4, videoId: 3, fileKey })
  // The record of the second chunk waits: all segments are stored, and nobody has looked at them yet. Of this job: the one
  // before may come once more, when its worker was stopped between its report and its end.
  const record = { operation: 'PutObject', key: new RegExp(`${jobId}/.*chunk-00001`) }
  const held = stack.s3.faults.failNext(record, { delayMs: 60_000 })
  const folder = `tenants/4/video/hls/3/${jobId}/`
  const worker = fleet.start('third', { ...env, LEASE_BEAT_SECONDS: '1' })
  await fleet.until('all is stored', () => held.hits() > 0)
  const [segment] = stack.s3.keys(folder).filter((key) => key.endsWith('p/seg-00000.m4s'))
  await stack.storage.put(segment!, 'of another encode', { contentType: 'video/mp4', signal })
  await stack.storage.put(startedOverKey(folder), writeRecord({ reason: 'it was short' }).text, {
    ...{ ...json, signal },
  })
  held.remove()
  const outcome = await stack.waitFor(jobId, { signal: AbortSignal.timeout(200_000) })
  expect(outcome.kind).toBe('complete')
  const ends = worker.log().filter(({ msg, job }) => msg === 'job ended without a result' && job === jobId)
  expect(ends).toMatchObject([{ outcome: 'failed', err: { code: 'output_displaced' } }])
  const tree = await readTree(stack.storage, String(outcome.body.hls_path), signal)
  expect(tree.missing).toEqual([])
  expect((await stack.storage.head(segment!, signal))!.bytes).toBeGreaterThan(1000)
})
