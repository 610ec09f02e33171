import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { execa } from 'execa'
import { defaultProfile } from '../../../worker/media/profile.ts'
import { packageFile } from './package.ts'
import { makeClip, scratch } from './tools.ts'

/** One small rung of high quality: what differs between two encodes is then a picture at the wrong time. */
const profile = { ...defaultProfile, rungs: [{ shortSide: 180, crf: 12, maxrateKbps: 20_000 }] }

let folder: Awaited<ReturnType<typeof scratch>>

beforeAll(async () => {
  folder = await scratch()
  const source = [
    '-f',
    'lavfi',
    '-i',
    'testsrc2=s=320x180:r=30000/1001:d=20',
    '-f',
    'lavfi',
    '-i',
    'sine=d=20',
  ]
  const open = ['-x264-params', 'open-gop=1:keyint=75:bframes=3', '-preset', 'veryfast', '-c:a', 'aac']
  // Irregular gaps, one of three seconds over a cut, and a single key frame.
  const holes = "select='not(between(t,10,13))*gt(mod(n*7919,13),4)'"
  await makeClip([...source, ...open, join(folder.dir, 'open-gop.mp4')])
  await makeClip([...source, ...open, join(folder.dir, 'search.ts')])
  await makeClip([
    ...source,
    '-vf',
    holes,
    '-vsync',
    'vfr',
    '-g',
    '900',
    '-preset',
    'veryfast',
    '-c:a',
    'aac',
    join(folder.dir, 'variable.mkv'),
  ])
})

afterAll(() => folder[Symbol.asyncDispose]())

describe('chunks encoded apart are what one run makes', () => {
  test.each([
    ['open-gop.mp4', 'index'],
    ['search.ts', 'margin'],
    ['variable.mkv', 'index'],
  ])('%s', async (name, mode) => {
    const file = join(folder.dir, name)
    const whole = await pack(file, `${name}-whole`, 1000)
    const parts = await pack(file, `${name}-parts`, 6)
    expect(parts.facts.seek.mode).toBe(mode)
    expect(parts.chunks).toBe(3)
    // Every picture's time, in decode order.
    expect(parts.times).toEqual(whole.times)
    expect(whole.times.length).toBeGreaterThan(590)
    // Every picture, seams included. The moving clip changes by more than this from one picture to the next.
    const { stdout } = await execa('ffmpeg', [
      '-v',
      'error',
      '-i',
      parts.movie,
      '-i',
      whole.movie,
      '-lavfi',
      'ssim=stats_file=-',
      '-f',
      'null',
      '-',
    ])
    const similarities = stdout.split('\n').map((line) => Number(/All:([\d.]+)/.exec(line)?.[1]))
    expect(similarities).toHaveLength(whole.times.length)
    expect(Math.min(...similarities)).toBeGreaterThan(0.99)
    // One init segment serves all chunks.
    expect(parts.init.equals(whole.init)).toBe(true)
  })
})

async function pack(file: string, name: string, chunkSeconds: number) {
  const outDir = join(folder.dir, name)
  const { facts, grid } = await packageFile({
    file,
    outDir,
    profile,
    chunkSeconds,
    signal: AbortSignal.timeout(200_000),
  })
  const dir = join(outDir, '180p')
  const init = await readFile(join(dir, 'init.mp4'))
  const segments = (await readdir(dir)).filter((entry) => entry.endsWith('.m4s')).sort()
  const movie = join(outDir, 'movie.mp4')
  await writeFile(
    movie,
    Buffer.concat([init, ...(await Promise.all(segments.map((entry) => readFile(join(dir, entry)))))]),
  )
  const { stdout } = await execa('ffprobe', [
    '-v',
    'error',
    '-show_entries',
    'packet=pts,dts,flags',
    '-of',
    'csv=p=0',
    movie,
  ])
  return { facts, chunks: grid.chunks.length, init, movie, times: stdout.split('\n') }
}
