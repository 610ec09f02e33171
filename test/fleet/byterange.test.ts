import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import { haveCorpus, judgeOutput } from '../integration/media/tools.ts'
import { keepOutput } from '../local/summary.ts'
import { makeLongClip } from './clips.ts'
import { type Fleet, openFleet } from './harness.ts'
import { readTree } from './tree.ts'

// Segments as ranges: one object a chunk and rendition, and one for all the sound.
const tenantId = 6
const chunked = { CHUNK_SECONDS: '8', HLS_TIME_SECONDS: '2', PASSTHROUGH: 'never' }

let fleet: Fleet
let clip: string
let videoId = 0
beforeAll(async () => {
  fleet = await openFleet()
  clip = await makeLongClip(fleet.dir, 24, '480x270')
})
afterEach(() => fleet.stopWorkers())
afterAll(() => fleet?.close())

async function send(profile?: string) {
  videoId += 1
  const fileKey = await fleet.stack.upload(clip, { tenantId, name: 'a.mp4' })
  return fleet.stack.sendJob({ tenantId, videoId, fileKey, ...(profile === undefined ? {} : { profile }) })
}

async function outputOf(jobId: string) {
  const { stack, dir, signal } = fleet
  const outcome = await stack.waitFor(jobId, { signal: AbortSignal.timeout(200_000) })
  expect(outcome.kind).toBe('complete')
  const folder = String(outcome.body.hls_path).replace(/[^/]+$/, '')
  await fleet.until('the ledger is gone', async () => {
    for await (const _ of stack.storage.list(`${folder}.work/`, signal)) return false
    return true
  })
  const tree = await readTree(stack.storage, `${folder}master.m3u8`, signal)
  expect([tree.missing, tree.unreferenced]).toEqual([[], []])
  const media: string[] = []
  for await (const { key } of stack.storage.list(folder, signal))
    if (key.endsWith('.m4s')) media.push(key.slice(folder.length))
  const kept = join(dir, `kept-${jobId}`)
  await keepOutput(stack.storage, `${folder}master.m3u8`, kept, signal)
  return { media, kept }
}

const objects = ['162p', '270p'].flatMap((name) => [0, 1, 2].map((index) => `${name}/chunk-0000${index}.m4s`))

test('a video of three chunks is an object a chunk and rendition, by one worker or shared', async () => {
  for (const FANOUT of ['never', 'always']) {
    fleet.start(`ranges-${FANOUT}`, { ...chunked, FANOUT, SEGMENT_STORAGE: 'byterange' })
    const { media, kept } = await outputOf(await send())
    expect(media).toEqual([...objects, 'audio-0/audio.m4s'])
    if (haveCorpus) expect(await judgeOutput(join(kept, 'master.m3u8'), clip)).toEqual([])
    await fleet.stopWorkers()
  }
})

test('a profile may ask for it', async () => {
  const file = join(fleet.dir, 'profiles.json')
  await writeFile(file, JSON.stringify({ archive: { segmentStorage: 'byterange' } }))
  fleet.start('by-profile', { ...chunked, FANOUT: 'never', PROFILES_FILE: file })
  expect((await outputOf(await send('archive'))).media).toHaveLength(7)
  expect((await outputOf(await send())).media).toHaveLength(3 * 12)
})

test('a worker that is killed leaves the objects of its finished chunks, and the next one goes on from there', async () => {
  const env = { ...chunked, FANOUT: 'never', SEGMENT_STORAGE: 'byterange' }
  const first = fleet.start('killed', env)
  const jobId = await send()
  const done = `tenants/${tenantId}/video/hls/${videoId}/${jobId}/.work/chunk-00000.json`
  await fleet.until('a chunk is done', async () => {
    return (await fleet.stack.storage.head(done, fleet.signal)) !== undefined
  })
  first.kill('SIGKILL')
  const second = fleet.start('heir', env)
  const { media } = await outputOf(jobId)
  expect(media).toHaveLength(7)
  expect(second.log().find((line) => line.msg === 'finished chunks were reused')?.reused).toBeGreaterThan(0)
})
