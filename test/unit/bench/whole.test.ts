import { expect, test } from '@jest/globals'
import { chance } from '../../bench/chance.ts'
import { joined } from '../../bench/whole.ts'

const url = 'http://127.0.0.1:1/token/source'

test('two commands with one input become one', () => {
  const video = `ffmpeg -y -f mov -i ${url} -filter_complex '[0:0]null[v]' -map '[v]' v.m3u8`
  const audio = `ffmpeg -y -f mov -i ${url} -filter_complex '[0:1]anull[a]' -map '[a]' a.m3u8`
  expect(joined(video, audio)).toBe(`${video} -filter_complex '[0:1]anull[a]' -map '[a]' a.m3u8`)
})

test('commands with different inputs are not made one', () => {
  expect(() => joined(`ffmpeg -i ${url} a.mp4`, 'ffmpeg -i other b.mp4')).toThrow('no common input')
  expect(() => joined(`ffmpeg -i ${url} a.mp4`, 'ffprobe other')).toThrow('no common input')
})

test('chance is the same for the same seed, and spread from 0 to 1', () => {
  const draw = (seed: number) => Array.from({ length: 1000 }, chance(seed))
  expect(draw(1)).toEqual(draw(1))
  expect(draw(1)).not.toEqual(draw(2))
  const tenths = draw(7).map((value) => Math.floor(value * 10))
  for (let tenth = 0; tenth < 10; tenth++) {
    const count = tenths.filter((each) => each === tenth).length
    expect(count).toBeGreaterThan(60)
    expect(count).toBeLessThan(140)
  }
  expect(new Set(tenths).size).toBe(10)
})
