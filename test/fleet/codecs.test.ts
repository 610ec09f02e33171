import { chmod, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { execa } from 'execa'
import { readFrameHdr10 } from '../../worker/media/hdr10.ts'
import { haveCorpus, judgeOutput } from '../integration/media/tools.ts'
import { keepOutput } from '../local/summary.ts'
import { makeConformingClip } from './clips.ts'
import { clipSeconds, makeHdrClip, makeSmallClip, masterDisplay } from './codec-clips.ts'
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
  av1: { rungs: rungs(28), av1: { rungs: rungs(45).slice(0, 1), preset: 12 } },
  hdr: { rungs: rungs(28), hevc: { rungs: rungs(20).slice(0, 1), preset: 'ultrafast', hdr: 'keep' } },
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

/** The pictures of a rendition alone: what they say themselves, and not their container. */
async function bitstream(kept: string, name: string) {
  const path = join(kept, '..', `${name}-${videoId}.hevc`)
  await execa('ffmpeg', [
    '-v',
    'error',
    '-y',
    '-i',
    await joined(kept, name),
    '-c',
    'copy',
    '-f',
    'hevc',
    path,
  ])
  const show = 'stream=profile,pix_fmt,color_space,color_primaries,color_transfer,color_range'
  const probe = ['-v', 'error', '-show_entries', show, '-of', 'json', path]
  const { stdout } = await execa('ffprobe', probe)
  const first = ['-v', 'error', '-read_intervals', '%+#1', '-show_frames', '-of', 'json', path]
  return {
    stream: (JSON.parse(stdout) as { streams: object[] }).streams[0],
    hdr10: readFrameHdr10((await execa('ffprobe', first)).stdout),
  }
}

/** All pictures of a rendition as ffmpeg decodes them: how many, and what it says on the way. */
async function decode(kept: string, name: string) {
  const path = await joined(kept, name)
  const show = 'stream=codec_name,codec_tag_string,width,height,pix_fmt,nb_read_frames'
  const probe = ['-v', 'error', '-count_frames', '-show_entries', show, '-of', 'json', path]
  const { stdout, stderr } = await execa('ffprobe', probe)
  return { said: stderr, ...(JSON.parse(stdout) as { streams: object[] }).streams[0] }
}

/** A whole rendition as one file. */
async function joined(kept: string, name: string): Promise<string> {
  const folder = join(kept, name)
  const files = (await readdir(folder)).sort()
  const init = files.find((each) => each.endsWith('init.mp4'))!
  const pieces = [init, ...files.filter((each) => each.endsWith('.m4s'))]
  const path = join(kept, '..', `${name}-${videoId}.mp4`)
  await writeFile(path, Buffer.concat(await Promise.all(pieces.map((each) => readFile(join(folder, each))))))
  return path
}

describe('HEVC by profile', () => {
  test('is in the same master, chunk by chunk, shared', async () => {
    fleet.start('hevc', { ...chunked, FANOUT: 'always', PROFILES_FILE: file })
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
    if (haveCorpus) expect(await judgeOutput(join(kept, 'master.m3u8'), clip)).toEqual([])
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

test('AV1 by profile is in the same master, chunk by chunk, shared', async () => {
  const env = { ...chunked, PASSTHROUGH: 'auto', FANOUT: 'always', PROFILES_FILE: file }
  const worker = fleet.start('av1', env)
  const { kept, master } = await outputOf(await send('av1'))
  expect(variantsOf(master)).toEqual([
    ...[
      ['108p', 'avc1.64001e'],
      ['180p', 'avc1.64001e'],
    ],
    ['180p-av1', expect.stringMatching(/^av01\.0\.00M\.08$/)],
  ])
  expect(await decode(kept, '180p-av1')).toEqual({
    ...{ said: '', codec_name: 'av1', codec_tag_string: 'av01', width: 320, height: 180 },
    ...{ pix_fmt: 'yuv420p', nb_read_frames: String(clipSeconds * 25) },
  })
  // Its encoder takes no cut points but those at even distances.
  expect(worker.log().map(({ reason }) => reason)).toContain('there are renditions in AV1')
  // The judge reads neither CODECS nor key frames of AV1; of all else it has nothing to say.
  const said = haveCorpus ? await judgeOutput(join(kept, 'master.m3u8'), clip) : []
  expect(
    said.filter(
      (line) => !/^FAIL (codecs|segment_idr): [^|]*180p-av1[^|]*([|][^|]*180p-av1[^|]*)*$/.test(line),
    ),
  ).toEqual([])
})

test.each([
  ['pq', 'smpte2084', { masterDisplay, maxCll: '1000,400' }],
  ['hlg', 'arib-std-b67', undefined],
] as const)('HDR (%s) stays HDR in HEVC by profile, beside SDR in H.264', async (range, transfer, hdr10) => {
  const source = await makeHdrClip(fleet.dir, range)
  fleet.start(`hdr-${range}`, { ...chunked, FANOUT: 'never', PROFILES_FILE: file })
  const { kept, master } = await outputOf(await send('hdr', source))
  expect(variantsOf(master).find(([name]) => name === '180p-hevc')?.[1]).toMatch(/^hvc1\.2\.4\.L\d+/)
  const ranges = [...master.matchAll(/CODECS="(....).*VIDEO-RANGE=(\w+)/g)].map(
    ([, codec, said]) => `${codec}${said}`,
  )
  const wanted = [`hvc1${range.toUpperCase()}`, 'avc1SDR', 'avc1SDR']
  // Each variant, and its key frames.
  expect(ranges.toSorted()).toEqual([...wanted, ...wanted].toSorted())
  expect(await bitstream(kept, '180p-hevc')).toEqual({
    stream: {
      ...{ profile: 'Main 10', pix_fmt: 'yuv420p10le', color_range: 'tv', color_space: 'bt2020nc' },
      ...{ color_primaries: 'bt2020', color_transfer: transfer },
    },
    hdr10,
  })
  // The very pictures of the source, and not those that were made SDR.
  const both = [
    '-i',
    await joined(kept, '180p-hevc'),
    '-i',
    source,
    '-lavfi',
    '[0:v][1:v]ssim',
    '-f',
    'null',
    '-',
  ]
  const { stderr } = await execa('ffmpeg', ['-hide_banner', '-nostdin', ...both])
  expect(Number(/SSIM.*All:([\d.]+)/.exec(stderr)?.[1])).toBeGreaterThan(0.95)
  // The judge knows no master in which colours differ by design; of all else it has nothing to say.
  const said = haveCorpus && range === 'pq' ? await judgeOutput(join(kept, 'master.m3u8'), source) : []
  expect(said.filter((line) => !/^FAIL colour: renditions are tagged differently/.test(line))).toEqual([])
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
    expect(worker.text()).toContain('hevc: FFMPEG_BIN lacks libx265')
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
