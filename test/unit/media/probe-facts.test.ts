import { describe, expect, test } from '@jest/globals'
import { describeSource } from '../../../worker/media/probe-facts.ts'
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
