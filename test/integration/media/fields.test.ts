import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { VideoFacts } from '../../../worker/media/facts.ts'
import { detectHost } from '../../../worker/media/host.ts'
import { probeSource } from '../../../worker/media/probe.ts'
import { serveFile } from './serve.ts'
import { makeClip, scratch } from './tools.ts'

// What a stream says of its fields, checked against its pictures.
let folder: Awaited<ReturnType<typeof scratch>>
beforeAll(async () => {
  folder = await scratch()
})
afterAll(() => folder[Symbol.asyncDispose]())

async function videoOf(name: string, args: readonly string[]): Promise<VideoFacts> {
  const file = join(folder.dir, name)
  // Soft shapes that move: idet takes the hard edges of a test picture for fields.
  const shapes = "geq=lum='128+60*sin((X+N*9)/23)*cos((Y+N*7)/19)':cb=128:cr=128"
  const x264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-crf', '24', '-pix_fmt', 'yuv420p']
  const [filters, ...rest] = args
  const source = `color=s=240x576:r=50:d=3,${shapes},${filters}`
  await makeClip(['-f', 'lavfi', '-i', source, ...x264, ...rest, file])
  const host = await detectHost({ workerId: 'fields-test', path: process.env.PATH ?? '' })
  const served = await serveFile(file)
  try {
    await using handle = await open(file)
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(65_536), 0, 65_536, 0)
    const facts = await probeSource({
      ...{ host, url: served.url, cwd: folder.dir, signal: AbortSignal.timeout(200_000) },
      ...{ bytes: served.bytes, head: buffer.subarray(0, bytesRead) },
      limits: { maxSeconds: 1000, maxPixels: 10_000_000 },
      tools: { probeBin: 'ffprobe', ffmpegBin: 'ffmpeg', timeoutSeconds: 120, memoryMb: 4096, nice: 0 },
    })
    return facts.video!
  } finally {
    await served.close()
  }
}

const marks = ['-flags', '+ildct+ilme']

test('whole pictures that are marked as interlaced are left whole', async () => {
  const video = await videoOf('marked.mp4', ['framestep=2,setfield=tff', ...marks])
  expect(video).toMatchObject({ interlaced: 'no', falselyMarked: true })
})

test('woven pictures that are marked stay so', async () => {
  const video = await videoOf('woven-marked.mp4', ['tinterlace=interleave_top,setfield=tff', ...marks])
  expect(video).toMatchObject({ interlaced: 'marked' })
  expect(video.falselyMarked).toBeUndefined()
})

test.each([
  ['tff', 'interleave_top'],
  ['bff', 'interleave_bottom'],
])('woven pictures without a mark are found, %s', async (fieldOrder, mode) => {
  const video = await videoOf(`${fieldOrder}.mp4`, [`tinterlace=${mode},setfield=prog`])
  expect(video).toMatchObject({ interlaced: 'all', fieldOrder })
})

test('whole pictures without a mark stay whole', async () => {
  const video = await videoOf('plain.mp4', ['framestep=2'])
  expect(video.interlaced).toBe('no')
  expect(video.falselyMarked).toBeUndefined()
})
