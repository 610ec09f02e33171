import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { execa } from 'execa'
import { defaultProfile } from '../../../worker/media/profile.ts'
import { packageFile } from './package.ts'
import { makeClip, scratch } from './tools.ts'

const profile = { ...defaultProfile, rungs: [{ shortSide: 90, crf: 40, maxrateKbps: 500 }] }

let folder: Awaited<ReturnType<typeof scratch>>

beforeAll(async () => {
  folder = await scratch()
})

afterAll(() => folder[Symbol.asyncDispose]())

/** A picture of four seconds with a beep a second (each of 0.1 s); packaged; when the beeps begin in the output. */
async function beepsOf(name: string, rate: number, changes: string[], containerArgs: string[] = []) {
  const file = join(folder.dir, name)
  const beeps = `aevalsrc='sin(1760*PI*t)*lt(mod(t,1),0.1)':s=${rate}:d=4`
  const picture = ['-f', 'lavfi', '-i', 'testsrc2=s=160x90:r=25:d=4']
  await makeClip([
    ...picture,
    ...containerArgs,
    '-f',
    'lavfi',
    '-i',
    beeps,
    '-preset',
    'ultrafast',
    ...changes,
    file,
  ])
  const outDir = join(folder.dir, `${name}.out`)
  const { facts } = await packageFile({ file, outDir, profile, signal: AbortSignal.timeout(200_000) })
  const dir = join(outDir, 'audio-0')
  const names = (await readdir(dir)).filter((entry) => entry !== 'index.m3u8').sort()
  const movie = join(outDir, 'sound.mp4')
  await writeFile(movie, Buffer.concat(await Promise.all(names.map((entry) => readFile(join(dir, entry))))))
  const raw = ['-v', 'error', '-i', movie, '-ac', '1', '-ar', '48000', '-f', 's16le', '-']
  const { stdout } = await execa('ffmpeg', raw, { encoding: 'buffer' })
  return { starts: onsets(Buffer.from(stdout)), seconds: stdout.length / 2 / 48_000, facts }
}

/** Seconds at which sound begins after at least a quarter of a second of silence. */
function onsets(samples: Buffer): number[] {
  const found: number[] = []
  let quietSince = -48_000
  for (let n = 0; n < samples.length / 2; n++) {
    if (Math.abs(samples.readInt16LE(n * 2)) < 3000) continue
    if (n - quietSince > 12_000) found.push(n / 48_000)
    quietSince = n
  }
  return found
}

function expectStarts(starts: number[], wanted: number[]): void {
  expect(starts).toHaveLength(wanted.length)
  starts.forEach((start, n) => {
    expect(Math.abs(start - wanted[n]!)).toBeLessThan(0.01)
  })
}

describe('sound is where it was, to ten milliseconds', () => {
  test.each([
    ['AAC at 48 kHz', 'aac.mp4', 48_000, ['-c:a', 'aac']],
    ['AAC at 44.1 kHz', 'cd.mp4', 44_100, ['-c:a', 'aac']],
    ['a phone’s 8 kHz', 'phone.mov', 8000, ['-c:a', 'pcm_s16le']],
    ['Opus', 'opus.mkv', 48_000, ['-c:a', 'libopus']],
    ['MP3 in a transport stream', 'mp3.ts', 48_000, ['-c:a', 'mp3']],
  ])('%s', async (_, name, rate, args) => {
    const { starts, seconds } = await beepsOf(name, rate, args)
    // The beep at 0 begins in the encoder's first, incomplete frame.
    expectStarts(starts.slice(-3), [1, 2, 3])
    expect(Math.abs(seconds - 4)).toBeLessThan(0.05)
  })

  test('sound that begins late is late by as much', async () => {
    const { starts, facts } = await beepsOf(
      'late.mkv',
      48_000,
      ['-c:a', 'aac', '-t', '4'],
      ['-itsoffset', '0.5'],
    )
    expect(facts.audio[0]!.startOffset).toBeCloseTo(0.5, 1)
    expectStarts(starts, [0.5, 1.5, 2.5, 3.5])
  })

  test('sound before the first picture is cut', async () => {
    const { starts, seconds } = await beepsOf('early.mkv', 48_000, ['-c:a', 'aac'], ['-itsoffset', '-0.25'])
    // The muxer moves everything so that sound is at 0 and pictures are at 0.25.
    expectStarts(starts, [0.75, 1.75, 2.75])
    expect(seconds).toBeGreaterThan(3.9)
  })

  test('sound that ends early is followed by silence, sound that goes on is cut', async () => {
    const short = await beepsOf('short.mp4', 48_000, ['-c:a', 'aac', '-af', 'atrim=end=1.5'])
    expectStarts(short.starts.slice(-1), [1])
    expect(Math.abs(short.seconds - 4)).toBeLessThan(0.05)
    const long = await beepsOf('long.mp4', 48_000, ['-c:a', 'aac', '-vf', 'trim=end=2.2'])
    expect(Math.abs(long.seconds - 2.2)).toBeLessThan(0.06)
  })
})
