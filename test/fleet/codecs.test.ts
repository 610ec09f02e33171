import { chmod, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { execa } from 'execa'
import { haveCorpus, judgeOutput } from '../integration/media/tools.ts'
import { keepOutput } from '../local/summary.ts'
import { makeConformingClip } from './clips.ts'
import { clipSeconds, makeSmallClip } from './codec-clips.ts'
import { type Fleet, openFleet } from './harness.ts'
import { readTree } from './tree.ts'

// Renditions in other codecs beside those of H.264: one grid, one ledger, one master. Chunks of four seconds.
const tenantId = 14
const chunked = { CHUNK_SECONDS: '4', HLS_TIME_SECONDS: '2', PASSTHROUGH: 'never' }
const rungs = (crf: number) => [
  { shortSide: 180, crf, maxrateKbps: 400 },
  { shortSide: 108, crf, maxrateKbps: 200 },
]
const profiles = {
  hevc: { rungs: rungs(28), hevc: { rungs: rungs(30), preset: 'ultrafast' } },
  ranges: {
    ...{ rungs: [{ shortSide: 360, crf: 30, maxrateKbps: 900 }], segmentStorage: 'byterange' },
    hevc: { rungs: rungs(30).slice(0, 1), preset: 'ultrafast' },
  },
}

let fleet: Fleet
let clip: string
let file: string
let videoId = 0
beforeAll(async () => {
  fleet = await openFleet()
  file = join(fleet.dir, 'profiles.json')
  await writeFile(file, JSON.stringify(profiles))
  clip = await makeSmallClip(fleet.dir)
})
afterEach(() => fleet.stopWorkers())
afterAll(() => fleet?.close())

async function send(profile: keyof typeof profiles, source = clip) {
  videoId += 1
  const fileKey = await fleet.stack.upload(source, { tenantId, name: 'a.mp4' })
  return fleet.stack.sendJob({ tenantId, videoId, fileKey, profile })
}

/** What a job published, in a folder. */
async function outputOf(jobId: string) {
  const { stack, dir, signal } = fleet
  const { kind, body } = await stack.waitFor(jobId, { signal: AbortSignal.timeout(200_000) })
  expect([kind, body.reason]).toEqual(['complete', undefined])
  const master = String(body.hls_path)
  await fleet.until('the ledger is gone', async () => {
    for await (const _ of stack.storage.list(master.replace(/[^/]+$/, '.work/'), signal)) return false
    return true
  })
  const tree = await readTree(stack.storage, master, signal)
  expect([tree.missing, tree.unreferenced]).toEqual([[], []])
  const kept = join(dir, `kept-${jobId}`)
  await keepOutput(stack.storage, master, kept, signal)
  return { kept, master: await readFile(join(kept, 'master.m3u8'), 'utf8') }
}

/** Names and CODECS of the variants, in the order of their names. */
function variantsOf(master: string): [string, string][] {
  const lines = [...master.matchAll(/^#EXT-X-STREAM-INF:.*CODECS="([^",]+).*\n([^/]+)/gm)]
  return lines.map(([, codec, name]): [string, string] => [name!, codec!]).sort()
}

/** All pictures of a rendition as ffmpeg decodes them: how many, and what it says on the way. */
async function decode(kept: string, name: string) {
  const folder = join(kept, name)
  const files = (await readdir(folder)).sort()
  const init = files.find((each) => each.endsWith('init.mp4'))!
  const pieces = [init, ...files.filter((each) => each.endsWith('.m4s'))]
  const path = join(kept, '..', `${name}-${videoId}.mp4`)
  await writeFile(path, Buffer.concat(await Promise.all(pieces.map((each) => readFile(join(folder, each))))))
  const show = 'stream=codec_name,codec_tag_string,width,height,pix_fmt,nb_read_frames'
  const probe = ['-v', 'error', '-count_frames', '-show_entries', show, '-of', 'json', path]
  const { stdout, stderr } = await execa('ffprobe', probe)
  return { said: stderr, ...(JSON.parse(stdout) as { streams: object[] }).streams[0] }
}

describe('HEVC by profile', () => {
  test.each(['never', 'always'])('is in the same master, chunk by chunk, shared: %s', async (FANOUT) => {
    fleet.start(`hevc-${FANOUT}`, { ...chunked, FANOUT, PROFILES_FILE: file })
    const { kept, master } = await outputOf(await send('hevc'))
    expect(variantsOf(master)).toEqual([
      ['108p', 'avc1.64001e'],
      ['108p-hevc', expect.stringMatching(/^hvc1\.1\.6\.L\d+(\.[0-9A-F]+)*$/)],
      ['180p', 'avc1.64001e'],
      ['180p-hevc', expect.stringMatching(/^hvc1\.1\.6\.L\d+(\.[0-9A-F]+)*$/)],
    ])
    // Players that take the first one get what all of them play.
    expect(/#EXT-X-STREAM-INF:.*/.exec(master)?.[0]).toContain('avc1.')
    expect(await decode(kept, '180p-hevc')).toEqual({
      ...{ said: '', codec_name: 'hevc', codec_tag_string: 'hvc1', width: 320, height: 180 },
      ...{ pix_fmt: 'yuv420p', nb_read_frames: String(clipSeconds * 25) },
    })
    if (haveCorpus && FANOUT === 'always')
      expect(await judgeOutput(join(kept, 'master.m3u8'), clip)).toEqual([])
  })

  test('lies in ranges of an object a chunk beside pictures that are copied', async () => {
    const source = await makeConformingClip(fleet.dir)
    const longer = { HLS_TIME_SECONDS: '6', CHUNK_SECONDS: '8' }
    fleet.start('copied', { ...longer, PASSTHROUGH: 'auto', FANOUT: 'never', PROFILES_FILE: file })
    const { kept, master } = await outputOf(await send('ranges', source))
    expect(variantsOf(master).map(([name]) => name)).toEqual(['180p-hevc', '360p'])
    expect((await readdir(join(kept, '180p-hevc'))).filter((name) => name.endsWith('.m4s'))[0]).toBe(
      'copy-chunk-00000.m4s',
    )
    expect(await decode(kept, '180p-hevc')).toMatchObject({ said: '', codec_tag_string: 'hvc1' })
    if (haveCorpus) expect(await judgeOutput(join(kept, 'master.m3u8'), source)).toEqual([])
  })
})

describe('an ffmpeg that lacks the encoder', () => {
  let poor: string
  beforeAll(async () => {
    poor = join(fleet.dir, 'poor-ffmpeg')
    await writeFile(poor, '#!/bin/sh\nexec ffmpeg "$@" | sed s/libx265/libnothing/g\n')
    await chmod(poor, 0o755)
  })

  test('ends the start of a worker whose profiles ask for it', async () => {
    const worker = fleet.start('poor', { ...chunked, PROFILES_FILE: file, FFMPEG_BIN: poor })
    expect(await worker.ended).toBe('exit code 78')
    expect(worker.text()).toContain('hevc: ffmpeg lacks the encoder for hevc (libx265)')
  })

  test('leaves the parts of such a video to workers that have it', async () => {
    const shared = { ...chunked, FANOUT: 'always' }
    const planner = fleet.start('planner', { ...shared, PROFILES_FILE: file })
    const jobId = await send('hevc')
    await planner.logged((line) => line.msg === 'parts sent to the fleet')
    await planner.stop()
    // It knows no such profile: the plan tells it what to do.
    const lacking = fleet.start('lacking', { ...shared, FFMPEG_BIN: poor })
    const { err } = await lacking.logged((line) => line.msg === 'job ended without a result')
    expect(err).toMatchObject({ code: 'encoder_missing' })
    await lacking.stop()
    fleet.start('able', { ...shared, PROFILES_FILE: file })
    await outputOf(jobId)
  })
})
