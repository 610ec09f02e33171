import { access, open } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { execa } from 'execa'
import { withPictures } from '../../../worker/media/facts.ts'
import { detectHost } from '../../../worker/media/host.ts'
import { makePoster } from '../../../worker/media/poster.ts'
import { measureLook } from '../../../worker/media/poster-look.ts'
import { probeSource } from '../../../worker/media/probe.ts'
import { serveFile } from './serve.ts'
import { makeClip, scratch } from './tools.ts'

let folder: Awaited<ReturnType<typeof scratch>>

beforeAll(async () => {
  folder = await scratch()
})

afterAll(() => folder[Symbol.asyncDispose]())

/** A clip of ten seconds by a filter on the moving test picture, and its poster. */
async function posterOf(name: string, args: string[], preferSeconds?: number) {
  const file = join(folder.dir, name)
  await makeClip(['-f', 'lavfi', '-i', 'testsrc2=s=320x180:r=10:d=10', ...args, '-preset', 'ultrafast', file])
  const host = await detectHost({ workerId: 'poster-test', path: process.env.PATH ?? '' })
  const served = await serveFile(file)
  try {
    const handle = await open(file)
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(65_536), 0, 65_536, 0)
    await handle.close()
    const common = { host, url: served.url, cwd: folder.dir, signal: AbortSignal.timeout(200_000) }
    const limits = { maxSeconds: 1000, maxPixels: 10_000_000 }
    const found = await probeSource({
      ...{ ...common, bytes: served.bytes, head: buffer.subarray(0, bytesRead), limits },
      tools: { probeBin: 'ffprobe', timeoutSeconds: 120, memoryMb: 4096, nice: 0 },
    })
    const facts = withPictures(found)
    const poster = await makePoster({
      ...{ ...common, facts, bin: 'ffmpeg', threads: 1, maxPixels: limits.maxPixels, timeoutMs: 600_000 },
      ...{ path: `${file}.jpg`, limits: { memoryMb: 4096, nice: 0 } },
      ...(preferSeconds === undefined ? {} : { preferSeconds }),
    })
    await expect(access(`${file}.jpg.try.jpg`)).rejects.toThrow()
    const probe = [
      '-v',
      'error',
      '-show_entries',
      'stream=codec_name,width,height',
      '-of',
      'csv=p=0',
      poster.path,
    ]
    return { ...poster, is: (await execa('ffprobe', probe)).stdout.trim() }
  } finally {
    await served.close()
  }
}

describe('the poster', () => {
  test('is an early picture of a plain video', async () => {
    expect(await posterOf('plain.mp4', [])).toMatchObject({ lively: true, atSeconds: 1, is: 'mjpeg,320,180' })
  })

  test('is not from the black beginning', async () => {
    const black = ['-vf', "drawbox=t=fill:color=black:enable='lt(t,7)'"]
    const poster = await posterOf('black-first.mp4', black)
    expect(poster.lively).toBe(true)
    expect(poster.atSeconds).toBeGreaterThan(7)
  })

  test('is found in a moment that none of the usual places meets', async () => {
    const black = ['-vf', "drawbox=t=fill:color=black:enable='not(between(t,4.15,4.35))'"]
    const poster = await posterOf('moment.mp4', black)
    expect(poster.lively).toBe(true)
    expect(poster.atSeconds).toBeCloseTo(4.25, 0)
  })

  test.each([
    ['black', 'drawbox=t=fill:color=black'],
    ['dark', "lutyuv=y='16+(val-16)/30'"],
    ['white', 'drawbox=t=fill:color=white'],
  ])('of nothing but %s is lit or shaded, so that it is no empty tile', async (name, filter) => {
    const { lively, is, path } = await posterOf(`${name}.mp4`, ['-vf', filter])
    expect([lively, is]).toEqual([false, 'mjpeg,320,180'])
    const small = ['-vf', 'scale=64:36:flags=area,format=gray', '-f', 'rawvideo', '-']
    const { stdout } = await execa('ffmpeg', ['-v', 'error', '-i', path, ...small], { encoding: 'buffer' })
    const { mean, deviation } = measureLook(Buffer.from(stdout))
    expect(mean).toBeGreaterThan(40)
    expect(deviation).toBeGreaterThan(6)
  })

  test('is taken where it was asked for', async () => {
    expect(await posterOf('wanted.mp4', [], 5)).toMatchObject({ atSeconds: 5 })
  })

  test('asked for past the end, is from the middle', async () => {
    expect(await posterOf('short.mp4', ['-t', '3'], 5)).toMatchObject({ atSeconds: 1.5 })
  })

  test('is found in a stream with one key frame, where a seek finds none', async () => {
    const poster = await posterOf('one-key.ts', ['-g', '1000'], 5)
    expect(poster).toMatchObject({ lively: true, atSeconds: 5 })
  })

  test('has the shape the video is shown in', async () => {
    expect(await posterOf('anamorphic.mp4', ['-vf', 'setsar=2'])).toMatchObject({ is: 'mjpeg,640,180' })
  })

  test('of a tiny video is enlarged', async () => {
    expect(await posterOf('tiny.mp4', ['-vf', 'scale=32:18'])).toMatchObject({ is: 'mjpeg,320,180' })
  })
})
