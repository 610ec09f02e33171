import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { execa } from 'execa'
import { encodeSound, onsets, samplesOf } from './sound-only.ts'
import { makeClip, scratch } from './tools.ts'

const target = -16
let folder: Awaited<ReturnType<typeof scratch>>
beforeAll(async () => {
  folder = await scratch()
})
afterAll(() => folder[Symbol.asyncDispose]())

async function packaged(name: string, sound: string) {
  const file = join(folder.dir, `${name}.wav`)
  await makeClip(['-f', 'lavfi', '-i', sound, '-c:a', 'pcm_s16le', file])
  const heard = await encodeSound(file, { loudness: target })
  return { ...heard, ...(await measure(heard.movie)) }
}

/** By ffmpeg's own meter, on what a player decodes. */
async function measure(movie: string): Promise<{ lufs: number; dbtp: number }> {
  const meter = ['-hide_banner', '-nostats', '-i', movie, '-af', 'ebur128=peak=true:framelog=verbose']
  const { stderr } = await execa('ffmpeg', [...meter, '-f', 'null', '-'])
  const summary = stderr.slice(stderr.lastIndexOf('Summary:'))
  const figure = (name: string) => Number(new RegExp(`${name}:\\s+(-?[\\d.]+|-inf)`).exec(summary)?.[1])
  return { lufs: figure('I'), dbtp: figure('Peak') }
}

/** Words and pauses, near enough: a tone that comes and goes, now louder, now quieter. */
const speech = (level: number, seconds = 20) =>
  `aevalsrc='${level}*sin(2*PI*(200+50*sin(3*t))*t)*(0.6+0.4*sin(0.7*t))*lt(mod(t,1.5),1)':s=48000:d=${seconds}`

describe('a track is brought to its loudness, its peaks kept below -1 dBTP', () => {
  test.each([
    ['quiet', speech(0.03), false],
    ['loud', speech(0.9), false],
    ['steady', 'sine=frequency=997:sample_rate=44100:duration=8', false],
    ['half silent', `${speech(0.1, 8)},apad=pad_dur=12`, false],
    ['short', 'sine=frequency=500:duration=1.2', false],
    // Its peaks leave no room for one gain.
    ['clicking', `${speech(0.02)},aeval='val(0)+0.9*lt(mod(t,2),0.001)':c=same`, true],
    ['noisy', 'anoisesrc=color=pink:amplitude=0.9:duration=8:seed=4', false],
  ] as const)('%s', async (name, sound, limited) => {
    const { gain, lufs, dbtp } = await packaged(name, sound)
    expect(gain?.limited).toBe(limited)
    expect(Math.abs(lufs - target)).toBeLessThan(1)
    expect(dbtp).toBeLessThan(-1)
  })
})

test.each([
  ['silence', 'anullsrc=r=48000:cl=stereo:d=4', 4],
  ['next to nothing', 'anoisesrc=amplitude=0.0005:duration=4:seed=2', 4],
  ['what is too short to be measured', 'sine=frequency=500:duration=0.2', 0.2],
])('%s is left as it is', async (name, sound, seconds) => {
  const { gain, movie } = await packaged(name.replaceAll(' ', '-'), sound)
  expect(gain).toBeUndefined()
  expect(Math.abs((await samplesOf(movie)).length / 96_000 - seconds)).toBeLessThan(0.06)
})

test('a limiter moves nothing in time', async () => {
  const beeps = `aevalsrc='0.03*sin(400*PI*t)+0.85*sin(1760*PI*t)*lt(mod(t+1,2),0.003)':s=48000:d=12`
  const file = join(folder.dir, 'beeps.wav')
  await makeClip(['-f', 'lavfi', '-i', beeps, '-c:a', 'pcm_s16le', file])
  const { movie } = await encodeSound(file, { loudness: -12 })
  const starts = onsets(await samplesOf(movie), 16_000)
  // All of a recording comes one frame of AAC later, and with it this.
  expect(starts.map((at) => Math.round((at - 1024 / 48_000) * 100) / 100)).toEqual([1, 3, 5, 7, 9, 11])
})
