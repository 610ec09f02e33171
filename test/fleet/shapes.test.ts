import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { execa } from 'execa'
import { haveCorpus, judgeOutput } from '../integration/media/tools.ts'
import { keepOutput } from '../local/summary.ts'
import { type Fleet, openFleet } from './harness.ts'

// Sizes that no camera has, and one that changes on the way: all end well, in the shape that they are shown in.
const tenantId = 12

let fleet: Fleet
let videoId = 0
beforeAll(async () => {
  fleet = await openFleet()
  fleet.start('shapes', { FANOUT: 'never', CHUNK_SECONDS: '6', HLS_TIME_SECONDS: '2' })
})
afterAll(() => fleet?.close())

async function make(name: string, size: string, codec: readonly string[], seconds = 3): Promise<string> {
  const path = join(fleet.dir, name)
  const source = `testsrc2=size=${size}:rate=25:duration=${seconds}`
  await execa('ffmpeg', ['-v', 'error', '-nostdin', '-y', '-f', 'lavfi', '-i', source, ...codec, path])
  return path
}

async function sizesOf(source: string) {
  const { stack, dir, signal } = fleet
  videoId += 1
  const fileKey = await stack.upload(source, { tenantId, name: source.replace(/.*\./, 'a.') })
  const jobId = await stack.sendJob({ tenantId, videoId, fileKey })
  const { kind, body } = await stack.waitFor(jobId, { signal: AbortSignal.timeout(200_000) })
  expect([kind, body.reason]).toEqual(['complete', undefined])
  const kept = join(dir, `kept-${videoId}`)
  await keepOutput(stack.storage, String(body.hls_path), kept, signal)
  const sizes = (body.renditions as { width: number; height: number }[]).map((r) => `${r.width}x${r.height}`)
  return { sizes, master: join(kept, 'master.m3u8'), seconds: body.duration }
}

const x264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p']
const lossless = ['-c:v', 'ffv1', '-pix_fmt', 'yuv444p']

test.each([
  ['hair.mp4', '1280x64', x264, '1280x64'],
  ['needle.mp4', '64x1280', x264, '64x1280'],
  ['odd.mkv', '321x241', lossless, '320x240'],
  ['dot.mkv', '16x18', lossless, '16x18'],
] as const)('%s, %s', async (name, size, codec, top) => {
  const clip = await make(name, size, codec)
  const { sizes, master } = await sizesOf(clip)
  expect(sizes[0]).toBe(top)
  if (haveCorpus) expect(await judgeOutput(master, clip)).toEqual([])
})

test('a line is refused with a reason', async () => {
  const { stack } = fleet
  videoId += 1
  const fileKey = await stack.upload(await make('line.mp4', '1920x16', x264, 1), { tenantId, name: 'a.mp4' })
  const jobId = await stack.sendJob({ tenantId, videoId, fileKey })
  const { kind, body } = await stack.waitFor(jobId, { signal: AbortSignal.timeout(200_000) })
  expect([kind, body.code]).toEqual(['fail', 'picture_too_small'])
})

test('a stream whose size changes on the way keeps its first shape, and all its pictures', async () => {
  const wide = await make('wide.ts', '640x360', x264, 8)
  const small = await make('small.ts', '320x240', x264, 5)
  const tall = await make('tall.ts', '360x640', x264, 3)
  const path = join(fleet.dir, 'change.ts')
  // One clock for all.
  const list = [wide, small, tall].map((file) => `file '${file}'`).join('\n')
  await writeFile(join(fleet.dir, 'list.txt'), list)
  const concat = ['-f', 'concat', '-safe', '0', '-i', join(fleet.dir, 'list.txt'), '-c', 'copy', path]
  await execa('ffmpeg', ['-v', 'error', '-nostdin', '-y', ...concat])
  const { sizes, master, seconds } = await sizesOf(path)
  expect([sizes[0], seconds]).toEqual(['640x360', 16])
  const count = ['-v', 'error', '-count_packets', '-show_entries', 'stream=nb_read_packets', '-of', 'csv=p=0']
  const { stdout } = await execa('ffprobe', [
    ...count,
    '-select_streams',
    'v:0',
    master.replace('master', '360p/index'),
  ])
  expect(Number.parseInt(stdout, 10)).toBe(16 * 25)
})
