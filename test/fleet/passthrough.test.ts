import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join, posix } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { planKey, refusalKey } from '../../shared/keys.ts'
import { haveCorpus, judgeOutput } from '../integration/media/tools.ts'
import { keepOutput } from '../local/summary.ts'
import { type ConformingKind, makeConformingClip } from './clips.ts'
import { type Fleet, openFleet } from './harness.ts'
import { readTree } from './tree.ts'

const run = promisify(execFile)
const tenantId = 4
const chunked = { CHUNK_SECONDS: '8', HLS_TIME_SECONDS: '4' }

let fleet: Fleet
let videoId = 0
beforeAll(async () => {
  fleet = await openFleet()
})
afterEach(() => fleet.stopWorkers())
afterAll(() => fleet?.close())

/** Packages a file; resolves with its folder on disk and what the API heard. */
async function packaged(file: string) {
  videoId += 1
  const { stack, dir, signal } = fleet
  const fileKey = await stack.upload(file, { tenantId, name: 'a.mp4' })
  const jobId = await stack.sendJob({ tenantId, videoId, fileKey })
  const outcome = await stack.waitFor(jobId, { signal: AbortSignal.timeout(200_000) })
  expect(outcome.kind).toBe('complete')
  const master = String(outcome.body.hls_path)
  const ledger = `${posix.dirname(master)}/.work/`
  await fleet.until('the ledger is gone', async () => {
    for await (const _ of stack.storage.list(ledger, signal)) return false
    return true
  })
  const tree = await readTree(stack.storage, master, signal)
  expect([tree.missing, tree.unreferenced]).toEqual([[], []])
  const kept = join(dir, `kept-${videoId}`)
  await keepOutput(stack.storage, master, kept, signal)
  return { jobId, kept, body: outcome.body, objects: tree.objects }
}

/** Size of every coded picture of a file's video, in decoding order. */
async function pictureSizes(file: string): Promise<string> {
  const args = [
    '-v',
    'error',
    '-select_streams',
    'v:0',
    '-show_entries',
    'packet=size,flags',
    '-of',
    'csv=p=0',
  ]
  const { stdout } = await run('ffprobe', [...args, file], { maxBuffer: 1 << 26 })
  return stdout
}

/** What the pictures of a rendition say of themselves, without their container. */
async function toldBy(folder: string, dir: string): Promise<string> {
  const raw = join(dir, 'raw.h264')
  const copy = ['-frames:v', '1', '-c', 'copy', '-f', 'h264', raw]
  await run('ffmpeg', [
    '-v',
    'error',
    '-nostdin',
    '-y',
    '-i',
    join(folder, 'index.m3u8'),
    '-map',
    'v',
    ...copy,
  ])
  const told = 'stream=sample_aspect_ratio,color_range,color_space,color_transfer,color_primaries'
  const { stdout } = await run('ffprobe', ['-v', 'error', '-show_entries', told, '-of', 'csv=p=0', raw])
  return stdout.trim()
}

const reasons = (worker: ReturnType<Fleet['start']>, msg: string) =>
  worker.log().filter((line) => line.msg === msg)

describe('a source that conforms', () => {
  const alone = { ...chunked, FANOUT: 'never' }
  test.each<[ConformingKind, string, Record<string, string>]>([
    ['tagged', 'by one worker', alone],
    ['tagged', 'shared over the fleet', { ...chunked, FANOUT: 'always' }],
    ['tagged', 'as ranges of one object a chunk', { ...alone, SEGMENT_STORAGE: 'byterange' }],
    ['late start', 'on a film’s rate', alone],
    ['sixty a second', 'over rungs of half the rate', alone],
    ['untagged HD', 'with the tags that it should have', alone],
    ['no reordering', 'without B-frames', alone],
    ['in milliseconds', 'on a coarse clock', alone],
    ['tagged outside', 'with tags that every player sees', alone],
  ])('is the top rendition itself, cut at its own key frames: %s, %s', async (kind, _, env) => {
    const worker = fleet.start('copier', env)
    const source = await makeConformingClip(fleet.dir, kind)
    const { kept, body } = await packaged(source)
    const [top, ...others] = (body.renditions as { name: string }[]).map(({ name }) => name)
    expect(reasons(worker, 'the pictures of the source are encoded, not copied')).toEqual([])
    const copied = await pictureSizes(join(kept, `${top}/index.m3u8`))
    // Tags are written into the parameter sets, in front of the key frames: all other pictures stay the same.
    const same =
      kind === 'untagged HD' || kind === 'tagged outside'
        ? (text: string) => text.replace(/.*K_.*/g, 'key')
        : (text: string) => text
    expect(same(copied)).toBe(same(await pictureSizes(source)))
    const cuts = async (name: string) =>
      [...(await readFile(join(kept, name, 'index.m3u8'), 'utf8')).matchAll(/#EXTINF:([\d.]+)/g)].map(
        ([, length]) => Number(length),
      )
    for (const name of others) expect(await cuts(name)).toEqual(await cuts(top!))
    expect(await toldBy(join(kept, top!), fleet.dir)).toBe('1:1,tv,bt709,bt709,bt709')
    if (haveCorpus) expect(await judgeOutput(join(kept, 'master.m3u8'), source)).toEqual([])
  })
})

test('a source whose key frames are none is encoded after all, and only the log knows', async () => {
  const worker = fleet.start('doubter', { ...chunked, FANOUT: 'never' })
  const source = await makeConformingClip(fleet.dir, 'recovery points')
  const { body, jobId } = await packaged(source)
  const why = reasons(worker, 'the pictures of the source are encoded, not copied')
  expect(why.map(({ reason }) => reason)).toEqual(['a key frame is no IDR picture'])
  expect(reasons(worker, 'the pictures of the source cannot be copied: starting over')).toHaveLength(1)
  expect(body.attempt).toBe(2)
  const failures = await fleet.stack.redisClient.hget(`video-worker:job:${jobId}`, 'failures')
  expect(failures ?? '0').toBe('0')
})

test('a shared video whose copy is refused half-way is planned anew and leaves nothing of the first plan', async () => {
  const worker = fleet.start('doubter', { ...chunked, FANOUT: 'always', FANOUT_LOST_SECONDS: '5' })
  const { body } = await packaged(await makeConformingClip(fleet.dir, 'recovery points'))
  expect(
    reasons(worker, 'the pictures of the source cannot be copied: starting over').length,
  ).toBeGreaterThan(0)
  expect((body.renditions as unknown[]).length).toBe(2)
})

test('a part that refuses a plan which was given up meanwhile does not stop the one that followed', async () => {
  // As after such a refusal: the plan encodes, and the word against copying is there again.
  const env = { CHUNK_SECONDS: '4', HLS_TIME_SECONDS: '2', FANOUT: 'always', PASSTHROUGH: 'never' }
  const worker = fleet.start('heir', env)
  const { stack, signal } = fleet
  videoId += 1
  const fileKey = await stack.upload(await makeConformingClip(fleet.dir), { tenantId, name: 'a.mp4' })
  const jobId = await stack.sendJob({ tenantId, videoId, fileKey })
  const folder = `tenants/${tenantId}/video/hls/${videoId}/${jobId}/`
  const planned = async () => (await stack.storage.head(planKey(folder), signal)) !== undefined
  await fleet.until('the plan is stored', planned)
  await stack.storage.put(refusalKey(folder), '{"version":1,"reason":"too late"}', {
    ...{ contentType: 'application/json', signal },
  })

  const outcome = await stack.waitFor(jobId, { signal: AbortSignal.timeout(200_000) })
  expect(outcome.kind).toBe('complete')
  expect(worker.log().filter(({ msg }) => msg === 'parts sent to the fleet')).toHaveLength(1)
})

test('PASSTHROUGH=never encodes what could be copied', async () => {
  const worker = fleet.start('encoder', { ...chunked, FANOUT: 'never', PASSTHROUGH: 'never' })
  const source = await makeConformingClip(fleet.dir)
  const { kept } = await packaged(source)
  expect(reasons(worker, 'the pictures of the source are copied')).toEqual([])
  expect(await pictureSizes(join(kept, '360p/index.m3u8'))).not.toBe(await pictureSizes(source))
})
