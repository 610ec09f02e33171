import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import { execa } from 'execa'
import { chunkKey } from '../../shared/keys.ts'
import { haveCorpus, judgeOutput } from '../integration/media/tools.ts'
import { keepOutput } from '../local/summary.ts'
import { makeClip, makeLongClip } from './clips.ts'
import { type Fleet, openFleet } from './harness.ts'
import { readTree } from './tree.ts'

// The layout of the Python fleet: v1/ and v2/, pictures and sound in one MPEG-TS segment, made chunk by chunk.
const tenantId = 8
const chunked = { CHUNK_SECONDS: '4', HLS_TIME_SECONDS: '2' }

let fleet: Fleet
let long: string
let videoId = 0
beforeAll(async () => {
  fleet = await openFleet()
  long = await makeLongClip(fleet.dir, 12, '1280x720')
})
afterEach(() => fleet.stopWorkers())
afterAll(() => fleet?.close())

async function send(clip: string) {
  videoId += 1
  const fileKey = await fleet.stack.upload(clip, { tenantId, name: 'a.mp4' })
  return fleet.stack.sendJob({ tenantId, videoId, fileKey, profile: 'academy' })
}

async function outputOf(jobId: string) {
  const { stack, dir, signal } = fleet
  const { kind, body } = await stack.waitFor(jobId, { signal: AbortSignal.timeout(300_000) })
  expect([kind, body.reason]).toEqual(['complete', undefined])
  const master = String(body.hls_path)
  const folder = master.replace(/[^/]+$/, '')
  await fleet.until('the ledger is gone', async () => {
    for await (const _ of stack.storage.list(`${folder}.work/`, signal)) return false
    return true
  })
  const tree = await readTree(stack.storage, master, signal)
  expect([tree.missing, tree.unreferenced]).toEqual([[], []])
  const names: string[] = []
  for await (const { key } of stack.storage.list(folder, signal)) names.push(key.slice(folder.length))
  const kept = join(dir, `kept-${jobId}`)
  await keepOutput(stack.storage, master, kept, signal)
  return { body, names: names.filter((name) => !name.startsWith('storyboard')), kept }
}

/** Largest step in the slope of the sound: a tone has none, a seam that clicks is one. */
async function roughest(playlist: string): Promise<number> {
  const decode = ['-v', 'error', '-i', playlist, '-map', '0:a', '-ac', '1', '-f', 'f32le', 'pipe:1']
  const { stdout } = await execa('ffmpeg', decode, { encoding: 'buffer' })
  const samples = new Float32Array(stdout.buffer, stdout.byteOffset, Math.floor(stdout.length / 4))
  let most = 0
  // The ends of the tone itself are edges.
  for (let at = 4800; at < samples.length - 4800; at++)
    most = Math.max(most, Math.abs(samples[at - 1]! - 2 * samples[at]! + samples[at + 1]!))
  return most
}

const segments = (count: number) =>
  ['v1', 'v2'].flatMap((name) => Array.from({ length: count }, (_, index) => `${name}/index${index}.ts`))

test.each(['never', 'always'])('three chunks make one stream with no seam, shared: %s', async (FANOUT) => {
  // What a stream of single files is not for, and what cannot hold sound, is not done.
  fleet.start(`academy-${FANOUT}`, { ...chunked, FANOUT, SEGMENT_STORAGE: 'byterange', PASSTHROUGH: 'auto' })
  const { body, names, kept } = await outputOf(await send(long))
  const playlists = ['master.m3u8', 'v1/index.m3u8', 'v2/index.m3u8']
  expect(names.toSorted()).toEqual([...playlists, 'thumbnail.jpg', ...segments(6)].toSorted())
  expect(String(body.thumbnail_path)).toMatch(/thumbnail\.jpg$/)
  expect(body.renditions).toMatchObject([
    { name: 'v2', width: 1280, height: 720, codec: expect.stringMatching(/^avc1\.6400..,mp4a\.40\.2$/) },
    { name: 'v1', width: 640, height: 360 },
  ])
  // 0.0005 from one encoder in one go; 0.037 from chunks that begin without a lead.
  expect(await roughest(join(kept, 'v1/index.m3u8'))).toBeLessThan(0.001)
  if (haveCorpus) expect(await judgeOutput(join(kept, 'master.m3u8'), long)).toEqual([])
})

test('a worker that is killed half-way costs no finished chunk, and no seam is heard', async () => {
  const { stack, signal } = fleet
  const env = { ...chunked, FANOUT: 'never' }
  const killed = fleet.start('academy-killed', env)
  const jobId = await send(long)
  const first = chunkKey(`tenants/${tenantId}/video/hls/${videoId}/${jobId}/`, 0)
  const stored = async () => (await stack.storage.head(first, signal)) !== undefined
  await fleet.until('the first chunk is stored', stored)
  killed.kill('SIGKILL')
  const heir = fleet.start('academy-heir', env)
  const { names, kept } = await outputOf(jobId)
  expect(heir.log().some(({ msg }) => msg === 'the plan is in the bucket: going on from there')).toBe(true)
  const encoded = heir.log().filter(({ msg, what }) => msg === 'tool starts' && what === 'video')
  expect(encoded.length).toBeLessThanOrEqual(2)
  expect(names.filter((name) => name.endsWith('.ts')).toSorted()).toEqual(segments(6).toSorted())
  expect(await roughest(join(kept, 'v1/index.m3u8'))).toBeLessThan(0.001)
  if (haveCorpus) expect(await judgeOutput(join(kept, 'master.m3u8'), long)).toEqual([])
})

test.each([
  ['portrait.mp4', [202, 360], [360, 640]],
  ['silent.mp4', [480, 270], [480, 270]],
] as const)('%s fits into both boxes and is not enlarged', async (name, v1, v2) => {
  const clip = await makeClip(fleet.dir, name)
  fleet.start(`boxes-${videoId}`, { FANOUT: 'never' })
  const { body, kept } = await outputOf(await send(clip))
  const sizes = (body.renditions as { width: number; height: number }[]).map(({ width, height }) => [
    width,
    height,
  ])
  expect(sizes).toEqual([v2, v1])
  if (haveCorpus) expect(await judgeOutput(join(kept, 'master.m3u8'), clip)).toEqual([])
})
