import { describe, expect, test } from '@jest/globals'
import { describeSource, isLikeItsStart } from '../../../worker/media/probe-facts.ts'
import type { PacketTime } from '../../../worker/media/probe-packets.ts'

const timeBase = { num: 1, den: 90_000 }
const limits = { maxSeconds: 1000, maxPixels: 10_000_000 }

/** Three seconds at 25 a second, a key picture at each of the given places. */
function originOf(codec: string, demuxer: string, keys: readonly number[]): number {
  const head = Array.from(
    { length: 75 },
    (_, n): PacketTime => ({ ticks: n * 3600, duration: 3600, key: keys.includes(n) }),
  )
  const { video, seconds } = describeSource({
    ...{ demuxer, format: {}, streams: [], chapters: [], timeBase, limits, bytes: 100_000, silentTracks: 0 },
    stream: { index: 0, codec_name: codec, width: 320, height: 180 },
    frames: [{ ticks: 0, width: 320, height: 180, interlaced: false }],
    listed: { head, tail: head, complete: true },
  })
  expect(seconds + video.origin.seconds).toBeCloseTo(3)
  return video.origin.seconds
}

describe('zero is the first picture', () => {
  test('that is shown, as a rule', () => {
    expect(originOf('hevc', 'mpegts', [0, 50])).toBe(0)
    expect(originOf('hevc', 'mpegts', [])).toBe(0)
    expect(originOf('h264', 'mpegts', [29])).toBe(0)
  })

  test('that is whole, of HEVC that was cut: its decoder shows grey before that', () => {
    expect(originOf('hevc', 'mpegts', [29])).toBeCloseTo(29 / 25)
    expect(originOf('hevc', 'matroska', [29])).toBeCloseTo(29 / 25)
  })

  test('that an edit list shows, whatever hides before it', () => {
    expect(originOf('hevc', 'mov', [29])).toBe(0)
  })
})

describe('a large file', () => {
  /** So many seconds at so many pictures a second, from a second on. */
  const run = (from: number, seconds: number, rate: number) =>
    Array.from(
      { length: seconds * rate },
      (_, n): PacketTime => ({
        ticks: from * 90_000 + (n * 90_000) / rate,
        duration: 90_000 / rate,
        key: n === 0,
      }),
    )
  const head = run(0, 60, 10)
  const stream = (average: string) => ({ index: 0, codec_name: 'h264', width: 320, avg_frame_rate: average })

  test('is like its start when its header has as many pictures a second', () => {
    const listed = { head, tail: run(590, 5, 10), complete: false }
    for (const average of ['10/1', '1019/100', '0/0']) {
      expect(isLikeItsStart(listed, stream(average), timeBase)).toBe(true)
    }
    for (const average of ['12/1', '30/1', '5/1'])
      expect(isLikeItsStart(listed, stream(average), timeBase)).toBe(false)
    expect(isLikeItsStart({ ...listed, complete: true }, stream('30/1'), timeBase)).toBe(true)
    expect(isLikeItsStart({ head: [], tail: [], complete: false }, stream('30/1'), timeBase)).toBe(true)
  })

  test('that is not has the rate of what moves anywhere in it, if that is no rarity', () => {
    const rateOf = (moving: number) => {
      const places = Array.from({ length: 16 }, (_, at) => run(at * 40, 2, at < 16 - moving ? 10 : 30))
      const listed = { head, tail: run(635, 5, 10), complete: false }
      const { video } = describeSource({
        ...{ demuxer: 'mov', format: {}, streams: [], chapters: [], timeBase, silentTracks: 0 },
        ...{ bytes: 1e8, limits, stream: { ...stream('12/1'), height: 180 } },
        frames: [{ ticks: 0, width: 320, height: 180, interlaced: false }],
        listed: { ...listed, places: { packets: places.flat(), apartSeconds: 40 } },
      })
      return [video.rate, video.variableRate]
    }
    expect(rateOf(0)).toEqual([{ num: 10, den: 1 }, false])
    expect(rateOf(1)).toEqual([{ num: 30, den: 1 }, true])
    expect(rateOf(8)).toEqual([{ num: 30, den: 1 }, true])
  })
})
